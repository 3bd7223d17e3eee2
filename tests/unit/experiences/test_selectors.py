"""Reads of the store: each count and list is over what the asker may see."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from knowledgebase.core.errors import Problem
from knowledgebase.experiences import selectors
from knowledgebase.experiences.filters import ExperienceFilters
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences

pytestmark = pytest.mark.django_db


def store(person, *batch, **how):
    results = record_experiences(batch, owner=person.user, team=person.team, **how)
    assert {result.status for result in results} == {201}


def on_task(record, number, **parts):
    """A record on the task of this number; its size grows with it."""
    made = record(**parts)
    made["task"]["name"] = f"task {number}"
    made["task"]["dataset"]["fingerprint"] = f"rows-sha256:{number:064x}"
    made["task"]["metafeatures"]["values"]["instances"] = 100 * 2**number
    return made


def test_tasks_count_only_what_is_visible(owner, mate, stranger, record, failed_record):
    store(owner, on_task(record, 1), on_task(failed_record, 1, status="oom"), visibility="private")
    store(owner, on_task(record, 1), on_task(record, 2))
    store(owner, on_task(failed_record, 2, status="timeout"), visibility="hub")

    def seen(person):
        rows = list(selectors.task_list(person.user))
        selectors.describe_tasks(person.user, rows)
        rows.sort(key=lambda row: row.name)
        return [(row.name, row.count, row.failed, row.best) for row in rows]

    assert seen(owner) == [("task 1", 3, 1, 0.8), ("task 2", 2, 1, 0.8)]
    assert seen(mate) == [("task 1", 1, 0, 0.8), ("task 2", 2, 1, 0.8)]
    assert seen(stranger) == [("task 2", 1, 1, None)]
    assert [row.count for row in selectors.language_model_summaries(stranger.user)] == [1]


def test_statistics_are_over_what_is_visible(owner, stranger, record, failed_record):
    store(owner, record(), failed_record("oom"), failed_record("killed"))
    store(owner, record(), visibility="hub")
    mine, theirs = selectors.statistics(owner.user), selectors.statistics(stranger.user)
    assert (mine.experiences, mine.failed, mine.by_method) == (4, 1, {"full": 4})
    assert mine.by_outcome == {"ok": 2, "killed": 1, "oom": 1}
    assert mine.compute_s == pytest.approx(4 * 30.5)
    assert (theirs.experiences, theirs.failed, theirs.compute_s) == (1, 0, 30.5)


def test_an_empty_store_has_statistics(owner):
    empty = selectors.statistics(owner.user)
    assert (empty.experiences, empty.by_outcome, empty.compute_s) == (0, {}, 0.0)


def named(person, name):
    return next(task for task in selectors.task_summaries(person.user) if task.name == name)


def test_nearest_tasks_are_of_the_same_kind_and_visible(owner, stranger, record):
    store(owner, *[on_task(record, number) for number in (1, 2, 5)])
    other = on_task(record, 3)
    other["task"]["kind"] = "question-answering"
    store(owner, other)
    task = named(owner, "task 1")
    near = selectors.nearest_tasks(owner.user, task)
    assert [one.task.name for one in near] == ["task 2", "task 5"]
    assert near[0].distance < near[1].distance
    assert selectors.nearest_tasks(stranger.user, task) == []


def test_tasks_of_other_extractors_are_no_neighbours(owner, record):
    other = on_task(record, 2)
    other["task"]["metafeatures"]["version"] = 2
    store(owner, on_task(record, 1), other)
    assert selectors.nearest_tasks(owner.user, named(owner, "task 1")) == []


def test_evidence_leaves_out_what_says_nothing(owner, record, failed_record):
    store(owner, record(), failed_record("oom"), failed_record("killed"), failed_record("pruned"))
    nameless = {"kind": "text-classification", "dataset": {"source": "unknown"}}
    store(owner, record(task=nameless))
    rows = list(selectors.evidence_rows(owner.user, "text-classification"))
    assert sorted(row.status for row in rows) == ["ok", "oom"]


def test_lists_leave_the_record_in_the_database_and_details_bring_it(
    owner, record, django_assert_num_queries
):
    sent = record()
    store(owner, sent)
    assert "record" in selectors.experience_list(owner.user).get().get_deferred_fields()
    with django_assert_num_queries(2):  # the asker's teams, and the row with every noun beside it
        row = selectors.experience_detail(owner.user, sent["id"])
        assert row.record == sent
        assert row.system is not None


def test_absent_and_hidden_are_one_answer(owner, stranger, record):
    sent = record()
    store(owner, sent)
    details = []
    for pk in (sent["id"], record()["id"]):
        with pytest.raises(Problem) as refused:
            selectors.experience_detail(stranger.user, pk)
        details.append((refused.value.status, refused.value.detail.replace(pk, "")))
    assert details[0] == details[1]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 4),
        ({"method": "full"}, 3),
        ({"method": "full, linear"}, 4),
        ({"status": "failed"}, 1),
        ({"status": "ok", "method": "linear"}, 1),
        ({"task": "weather"}, 4),
        ({"language_model": "tiny/encoder"}, 3),
        ({"language_model": "package:tiny/encoder@1"}, 3),
        ({"team": "the-lab"}, 4),
        ({"team": "nobody"}, 0),
        ({"via": "callback"}, 4),
        ({"since": "2020-01-01"}, 4),
        ({"since": "2999-01-01T00:00:00Z"}, 0),
        ({"q": "weath"}, 4),
    ],
)
def test_filters(owner, record, failed_record, filters, count):
    linear = {"method": "linear", "hyperparameters": {}}
    store(owner, record(), record(), failed_record("oom"), record(pipeline=linear, language_model=None))
    rows = selectors.experience_list(owner.user, ExperienceFilters.parse(filters))
    assert rows.count() == count


@pytest.mark.parametrize(
    "since", ["soon", "2026-13-01", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00+99:99"]
)
def test_a_wrong_date_is_named(since):
    with pytest.raises(Problem, match="since"):
        ExperienceFilters.parse({"since": since}).condition()


def test_a_million_rows_would_use_an_index(owner, record):
    """The list is read from the newest change on, so that the first page never sorts the table."""
    store(owner, record())
    plan = Experience.objects.order_by("-change_seq")[:50].explain().lower()
    assert "index" in plan or "limit" in plan


def test_evidence_does_not_join_the_tasks(owner, record):
    """Joined, with a short limit, SQLite would begin at the tasks, read every experience and sort them."""
    store(owner, *[record() for _ in range(3)])
    with CaptureQueriesContext(connection) as queries:
        assert len(list(selectors.evidence_rows(owner.user, "text-classification", 2))) == 2
    assert 'JOIN "experiences_task"' not in queries[0]["sql"]
