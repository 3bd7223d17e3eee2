"""A question that takes too long is answered with a reason, on both databases, and the next one as ever."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from knowledgebase.core.deadlines import bounded, is_too_slow
from knowledgebase.experiences import selectors
from knowledgebase.searches import bridge
from tests.endless import look_for_ever

# Not in one transaction: a statement that is given up takes its transaction with it.
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_statement_ends_at_its_bound_and_the_bound_with_its_block():
    with bounded(0.05), pytest.raises(OperationalError) as ended:
        look_for_ever()
    assert is_too_slow(ended.value)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
        if connection.vendor == "postgresql":
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)
    assert not is_too_slow(OperationalError("disk I/O error"))
    assert not is_too_slow(ValueError("interrupted"))


def test_a_block_within_another_has_its_own_bound_and_leaves_the_outer_ones():
    with bounded(20.0):
        with bounded(0.05), pytest.raises(OperationalError):
            look_for_ever()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            if connection.vendor == "postgresql":
                cursor.execute("SHOW statement_timeout")
                assert cursor.fetchone() == ("20s",)
    with bounded(0.05):
        with bounded(20.0), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        with pytest.raises(OperationalError) as ended:
            look_for_ever()
    assert is_too_slow(ended.value)


def test_the_api_says_why(owner, settings, monkeypatch):
    settings.READ_TIMEOUT_S = 0.05
    monkeypatch.setattr(selectors, "statistics", look_for_ever)
    answer = owner.api.get("/api/v1/stats/")
    assert (answer.status_code, answer.json()["code"]) == (422, "query_too_slow")
    assert "Narrow it down" in answer.json()["detail"]
    assert owner.api.get("/api/v1/tasks/").status_code == 200


@pytest.mark.parametrize(
    ("path", "place", "name"),
    [("neighbours", selectors, "nearest_to"), ("priors", bridge, "explore_prior")],
)
def test_a_read_with_a_body_is_bounded_too(owner, settings, monkeypatch, path, place, name):
    settings.READ_TIMEOUT_S = 0.05
    monkeypatch.setattr(place, name, look_for_ever)
    body = {"metafeatures": {"instances": 400.0, "classes": 3.0}}
    answer = owner.api.post(f"/api/v1/{path}/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "query_too_slow")
    with connection.cursor() as cursor:  # what comes after it on this connection is not
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_a_page_says_why(owner, settings, monkeypatch):
    settings.READ_TIMEOUT_S = 0.05
    monkeypatch.setattr(selectors, "statistics", look_for_ever)
    answer = owner.pages.get("/")
    assert answer.status_code == 422
    assert "Narrow it down" in answer.content.decode()
    assert owner.pages.get("/searches/").status_code == 200


def test_writes_are_not_bounded(owner, settings, record):
    settings.READ_TIMEOUT_S = 1e-9
    answer = owner.api.post("/api/v1/experiences/", record(), content_type="application/json")
    assert answer.status_code == 201
