"""A database that is away for a moment costs no training: neither its heartbeat nor its end."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection

from knowledgebase.experiences.models import Experience
from knowledgebase.searches import bridge, services
from knowledgebase.searches.models import Trial
from knowledgebase.searches.services.running import Heartbeat, finish_when_there

pytestmark = pytest.mark.django_db(transaction=True)
MakeTrial = Callable[..., Trial]


@contextmanager
def away() -> Iterator[None]:
    """PostgreSQL has ended this connection; SQLite is written to by somebody else for longer than we wait."""
    if connection.vendor == "postgresql":
        with pytest.raises(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        yield
        return
    connection.ensure_connection()
    connection.connection.execute("PRAGMA busy_timeout = 50")
    path, held = connection.settings_dict["NAME"], threading.Event()

    def write_for_a_second() -> None:
        other = sqlite3.connect(path, uri=str(path).startswith("file:"))
        other.execute("BEGIN IMMEDIATE")
        held.set()
        time.sleep(1.0)
        other.rollback()
        other.close()

    writer = threading.Thread(target=write_for_a_second)
    writer.start()
    held.wait()
    yield
    writer.join()


def test_the_end_is_written_when_it_is_back(make_trial: MakeTrial, caplog: pytest.LogCaptureFixture) -> None:
    trial = make_trial()
    claim = services.claim_trial(trial.pk, "test")
    assert claim is not None
    ending = bridge.lost_ending(trial.pk)
    with caplog.at_level(logging.WARNING), away():
        assert finish_when_there(claim, ending)
    assert "could not be written yet" in caplog.text
    assert Trial.objects.get(pk=trial.pk).state == "done"
    assert Experience.objects.count() == 1


def test_the_heartbeat_goes_on_when_it_is_back(make_trial: MakeTrial) -> None:
    trial = make_trial()
    claim = services.claim_trial(trial.pk, "test")
    assert claim is not None
    heartbeat = Heartbeat(claim, lambda: False)
    with away():
        assert heartbeat({"phase": "train"})
    assert heartbeat({"phase": "evaluate"})
    assert Trial.objects.get(pk=trial.pk).progress["phase"] == "evaluate"
