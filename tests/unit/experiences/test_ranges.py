"""Ranges hold in the database, behind a validator that says first what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences

EARLY, LATE = "2026-11-20T10:00:00.5Z", "2026-11-20T10:00:01Z"


@pytest.fixture
def stored(owner, record):
    sent = record(started_at=EARLY, finished_at=LATE, fidelity={"train_rows": 0})
    assert record_experiences([sent], owner=owner.user, team=owner.team)[0].status == 201
    return sent


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("part", "pointer"),
    [
        ({"started_at": LATE, "finished_at": EARLY}, "/finished_at"),
        ({"started_at": "2026-11-20T10:00:00+01:00", "finished_at": "2026-11-20T08:59:59Z"}, "/finished_at"),
        ({"fidelity": {"train_rows": -1}}, "/fidelity/train_rows"),
    ],
)
def test_what_the_database_would_refuse_the_validator_names_first(owner, record, part, pointer):
    answer = owner.api.post("/api/v1/experiences/", record(**part), content_type="application/json")
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values",
    [
        {"train_rows": -1},
        {"finished_at": datetime(2026, 11, 20, 10, 0, 0, 499_999, tzinfo=UTC)},
        {"evaluation_s": 1.1e12},
        {"cpu_s": 1.1e12},
    ],
)
def test_the_database_holds_the_ranges_too(stored, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        Experience.objects.update(**values)


@pytest.mark.django_db
def test_an_end_before_the_start_that_somebody_vouches_for_is_no_column(owner, record):
    """A clock that was set back while a search's trial ran must not lose the trial."""
    sent = record(started_at=LATE, finished_at=EARLY)
    [result] = record_experiences([sent], owner=owner.user, team=owner.team, is_checked=True)
    assert result.status == 201
    row = Experience.objects.get()
    assert (row.finished_at, row.record["finished_at"]) == (None, EARLY)


@pytest.mark.django_db(transaction=True)
def test_what_was_stored_before_without_the_validator_is_emptied_and_keeps_its_record(stored):
    try:
        call_command("migrate", "experiences", "0011_run_visibility", verbosity=0)
        early = datetime(2020, 1, 1, tzinfo=UTC)
        Experience.objects.update(train_rows=-5, finished_at=early, evaluation_s=1.7e308, cpu_s=5)
    finally:
        call_command("migrate", "experiences", verbosity=0)
    row = Experience.objects.get()
    assert (row.train_rows, row.finished_at, row.evaluation_s, row.cpu_s) == (None, None, None, 5)
    assert row.record["finished_at"] == LATE
    with pytest.raises(IntegrityError), transaction.atomic():
        Experience.objects.update(train_rows=-5)
