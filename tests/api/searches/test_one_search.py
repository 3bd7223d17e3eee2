"""GET a search, its trials and its prior; cancel it; get a script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from knowledgebase.searches.models import Search, Trial

LINEAR = {
    "ngrams": "word",
    "ngram_max": 1,
    "min_df": 1,
    "sublinear_tf": True,
    "c": 1.0,
    "class_weights": False,
}


def url(search: Search, tail: str = "") -> str:
    return f"/api/v1/searches/{search.pk}/{tail}"


def add_trial(search: Search, number: int, **columns: Any) -> Trial:
    now = timezone.now()
    given = {"state": "done", "status": "ok", "started_at": now, "finished_at": now} | columns
    return Trial.objects.create(
        search=search, number=number, method="linear", hyperparameters=LINEAR, seed=number, **given
    )


@pytest.fixture
def search(make_search: Callable[..., Search]) -> Search:
    search = make_search(
        prior_digest="sha256:1",
        prior_summary={
            "neighbours": [{"task": "sha256:2", "distance": 0.5, "parts": {"classes": 0.5}}],
            "distributions": {"method": {"linear": 0.75, "full": 0.25}},
            "uniform": {"method": {"linear": 0.5, "full": 0.5}},
        },
    )
    add_trial(search, 1, score=0.5, seconds=1.0)
    add_trial(search, 2, score=0.8, seconds=9.0)
    add_trial(search, 3, status="timeout")
    add_trial(search, 4, state="running", status="", finished_at=None, lease_until=timezone.now())
    return search


def test_a_search_says_where_it_stands(alice: APIClient, search: Search) -> None:
    report = alice.get(url(search)).json()["report"]
    assert report["by_state"] == {"done": 3, "running": 1}
    assert report["by_outcome"] == {"ok": 2, "timeout": 1}
    assert (report["trials_done"], report["trials_failed"]) == (3, 1)
    assert report["best"]["trial"] == 2
    assert [point["trial"] for point in report["front"]] == [1, 2]
    assert [trial["trial"] for trial in report["running"]] == [4]
    assert report["time_left_s"] >= 0


def test_the_prior_stands_beside_uniform(alice: APIClient, search: Search) -> None:
    prior = alice.get(url(search, "prior/")).json()
    # Nobody has told the name of that task, or nobody does any more.
    [near] = prior["neighbours"]
    assert (near["name"], near["distance"], near["parts"]) == ("sha256:2", 0.5, {})
    assert prior["distributions"]["method"]["linear"] > prior["uniform"]["method"]["linear"]


def test_trials_come_by_number(alice: APIClient, search: Search) -> None:
    trials = alice.get(url(search, "trials/")).json()["results"]
    assert [trial["number"] for trial in trials] == [1, 2, 3, 4]


@pytest.mark.parametrize("tail", ["", "trials/", "prior/", "script/"])
def test_strangers_see_nothing_and_team_mates_everything(
    tail: str, alice: APIClient, bob: APIClient, charlie: APIClient, search: Search
) -> None:
    assert alice.get(url(search, tail)).status_code == 200
    assert bob.get(url(search, tail)).status_code == 200
    answer = charlie.get(url(search, tail))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_stranger_cannot_cancel(charlie: APIClient, search: Search) -> None:
    assert charlie.post(url(search, "cancel/")).status_code == 404
    search.refresh_from_db()
    assert search.state == "running"


def test_reading_is_not_cancelling(reader: APIClient, search: Search) -> None:
    answer = reader.post(url(search, "cancel/"))
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_cancelling_twice_is_harmless(alice: APIClient, search: Search) -> None:
    for _ in range(2):
        answer = alice.post(url(search, "cancel/"))
        assert (answer.status_code, answer.json()["state"]) == (202, "cancelling")


def test_the_script_of_the_best_and_of_any_trial(alice: APIClient, search: Search) -> None:
    best = alice.get(url(search, "script/"))
    assert best["Content-Type"].startswith("text/x-python")
    compile(best.content, "script.py", "exec")
    other = alice.get(url(search, "script/?trial=1"))
    assert other.content != best.content


@pytest.mark.parametrize("number", ["99", "-1", "x", "²"])
def test_a_trial_that_is_not_there(number: str, alice: APIClient, search: Search) -> None:
    assert alice.get(url(search, f"script/?trial={number}")).status_code == 404


def test_no_script_before_a_result(alice: APIClient, make_search: Callable[..., Search]) -> None:
    answer = alice.get(url(make_search(), "script/"))
    assert (answer.status_code, answer.json()["code"]) == (409, "no_result")


def test_an_unknown_search(alice: APIClient) -> None:
    assert alice.get(f"/api/v1/searches/{uuid4()}/").status_code == 404
