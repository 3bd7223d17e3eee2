"""A database that is busy, full or gone: 503 with Retry-After, on pages in words; what is a bug stays one."""

from __future__ import annotations

import sqlite3
import threading

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from knowledgebase.core.availability import is_away
from knowledgebase.experiences import selectors

pytestmark = pytest.mark.django_db(transaction=True)


def fails(statement):
    """A read that sends this statement."""

    def read(*_args, **_more):
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return read


def kill_own_connection(*_args, **_more):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.fixture
def gone(monkeypatch):
    """The first read of the overview and of its numbers finds no database."""
    if connection.vendor == "postgresql":
        monkeypatch.setattr(selectors, "statistics", kill_own_connection)
        yield
        connection.close()
    else:
        # A folder is no database: SQLite cannot open it, as it cannot open a file without the right to.
        monkeypatch.setattr(selectors, "statistics", fails(f"ATTACH DATABASE '{settings.ROOT}' AS elsewhere"))
        yield


@pytest.mark.usefixtures("gone")
def test_the_api_says_when_to_come_back(owner, caplog):
    answer = owner.api.get("/api/v1/stats/")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer["Retry-After"] == "5"
    assert answer["Content-Type"] == "application/problem+json"
    assert "again in 5 s" in answer.json()["detail"]
    (said,) = [one.getMessage() for one in caplog.records if one.name == "knowledgebase.core.availability"]
    assert said.startswith("the database does not take a statement now: ")
    assert "unable to open" in said or "terminating connection" in said


@pytest.mark.usefixtures("gone")
def test_a_page_says_so_without_the_database(owner):
    answer = owner.pages.get("/")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    said = answer.content.decode()
    assert "database does not answer" in said
    assert "Load the page again in 5 s" in said


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has many writers at once")
def test_one_that_others_write_to_for_too_long(owner, record, monkeypatch):
    connection.ensure_connection()
    connection.connection.execute("PRAGMA busy_timeout = 50")
    path = connection.settings_dict["NAME"]
    held, over = threading.Event(), threading.Event()

    def write_for_long():
        other = sqlite3.connect(path, uri=str(path).startswith("file:"))
        other.execute("BEGIN IMMEDIATE")
        held.set()
        over.wait(20)
        other.rollback()
        other.close()

    writer = threading.Thread(target=write_for_long)
    writer.start()
    held.wait(20)
    try:
        body = record()
        answer = owner.api.post("/api/v1/experiences/", body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    finally:
        over.set()
        writer.join()
    assert owner.api.post("/api/v1/experiences/", body, content_type="application/json").status_code == 201


def test_what_is_a_bug_stays_one(owner, monkeypatch):
    with pytest.raises(Exception, match="nowhere") as wrong:
        fails("SELECT 1 FROM nowhere")()
    connection.close()
    assert not is_away(wrong.value)
    assert not is_away(OperationalError("said by nobody"))
    assert not is_away(ValueError("database is locked"))
