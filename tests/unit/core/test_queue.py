"""Jobs are sent after the commit, by a path that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.db import transaction
from django.utils.module_loading import import_string

from knowledgebase.core.queue import enqueue_on_commit

ROOT = Path(__file__).resolve().parents[3]


class Job:
    """Stands where a Celery task would."""

    sent: list[tuple] = []  # noqa: RUF012 - shared on purpose: the path leads to this class

    @classmethod
    def delay(cls, *args):
        cls.sent.append(args)


class Unreachable:
    @classmethod
    def delay(cls, *args):
        raise ConnectionError("no broker")


@pytest.fixture
def jobs(monkeypatch):
    import sys
    import types

    module = types.ModuleType("jobs_of_this_test")
    module.job, module.unreachable = Job, Unreachable
    monkeypatch.setitem(sys.modules, module.__name__, module)
    Job.sent = []
    return module.__name__


@pytest.mark.django_db(transaction=True)
def test_a_job_is_sent_after_the_commit_and_not_after_a_rollback(jobs):
    with transaction.atomic():
        enqueue_on_commit(f"{jobs}.job", 1)
        assert Job.sent == []
    assert Job.sent == [(1,)]
    with transaction.atomic():
        enqueue_on_commit(f"{jobs}.job", 2)
        transaction.set_rollback(True)
    assert Job.sent == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_a_broker_out_of_reach_undoes_nothing(jobs):
    with transaction.atomic():
        enqueue_on_commit(f"{jobs}.unreachable", 1)
        enqueue_on_commit(f"{jobs}.job", 2)
    assert Job.sent == [(2,)]


def test_every_path_in_use_leads_to_a_job():
    paths = set()
    for file in (ROOT / "knowledgebase").rglob("*.py"):
        paths |= set(re.findall(r'"(knowledgebase\.\w+\.jobs\.\w+)"', file.read_text(encoding="utf-8")))
    assert paths
    for path in paths:
        assert callable(import_string(path).delay), path
