"""POST and GET /api/v1/searches/."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from knowledgebase.searches.models import Dataset, Search, Trial

URL = "/api/v1/searches/"


def body(dataset: Dataset, **changes: Any) -> dict[str, Any]:
    return {"dataset": str(dataset.pk), "budget": {"trials": 12}} | changes


def launch(client: APIClient, document: dict[str, Any], **headers: str) -> Any:
    return client.post(URL, document, format="json", headers=headers)


def test_launching_answers_at_once_with_a_queued_search(alice: APIClient, dataset: Dataset) -> None:
    answer = launch(alice, body(dataset, slots=2, seed=5, methods=["linear", "full"]))
    assert answer.status_code == 201, answer.content
    found = answer.json()
    assert found["state"] == "queued"
    assert found["budget"] == {"trials": 12, "seconds": None}
    assert found["seed"] == 5
    assert found["report"]["front"] == []
    search = Search.objects.get(pk=found["id"])
    assert search.hinted_at is not None
    assert (search.slots, search.sampler, search.warm_start) == (2, "process", True)


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        ({"budget": {"trials": 0}}, "budget.trials", "is 0"),
        ({"budget": {"trials": 5, "seconds": 0}}, "budget.seconds", "is 0"),
        ({"slots": 0}, "slots", "is 0"),
        ({"limits": {"wall_s": -1}}, "limits.wall_s", "is -1"),
        ({"limits": {"host_memory_bytes": 5}}, "limits.host_memory_bytes", "is 5"),
        ({"train_rows": 3}, "train_rows", "is 3"),
        ({"methods": ["linear", "magic"]}, "methods", "'magic' is unknown; known: full, lora"),
        ({"sampler": "listed"}, "sampler", "known: process, pge, replay"),
        ({"objectives": ["beauty"]}, "objectives", "known: score, seconds, memory_bytes"),
        ({"objectives": []}, "objectives", "is empty; name at least one of score"),
        ({"objectives": ["score", "score"]}, "objectives", "'score' is named 2 times"),
        ({"objectives": ["score", "energy_j"]}, "objectives", "'energy_j' cannot be measured on this hub"),
        (
            {"objectives": ["score", "memory_bytes"], "early_stopping": "ceiling"},
            "early_stopping",
            "leave it away, or memory_bytes out of the objectives",
        ),
        ({"language_models": ["builtin:nothing"]}, "language_models", "all-MiniLM-L6-v2"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_value(
    changes: dict[str, Any], pointer: str, words: str, alice: APIClient, dataset: Dataset
) -> None:
    answer = launch(alice, body(dataset, **changes))
    assert answer.status_code == 422
    document = answer.json()
    assert document["code"] == "invalid"
    [error] = document["errors"]
    assert error["pointer"] == pointer
    assert words in error["message"]
    assert not Search.objects.exists()


def test_all_errors_come_in_one_answer(alice: APIClient, dataset: Dataset) -> None:
    answer = launch(alice, body(dataset, budget={"trials": 0}, slots=1000, methods=["magic"]))
    assert {error["pointer"] for error in answer.json()["errors"]} == {"budget.trials", "slots", "methods"}


@pytest.mark.parametrize("changes", [{"budget": None}, {"budget": {}}, {"dataset": "x"}, {"slots": "many"}])
def test_a_wrong_shape_is_a_400(changes: dict[str, Any], alice: APIClient, dataset: Dataset) -> None:
    answer = launch(alice, body(dataset) | changes)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_an_unknown_dataset_is_refused(alice: APIClient, dataset: Dataset) -> None:
    answer = launch(alice, body(dataset) | {"dataset": str(uuid4())})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_dataset")


def test_a_strangers_dataset_does_not_exist(charlie: APIClient, dataset: Dataset) -> None:
    assert launch(charlie, body(dataset)).json()["code"] == "unknown_dataset"


def test_a_refused_dataset_says_why(alice: APIClient, dataset: Dataset) -> None:
    Dataset.objects.update(state="refused", problem={"detail": "it has one class only"})
    answer = launch(alice, body(dataset))
    assert answer.status_code == 422
    assert "it has one class only" in answer.json()["detail"]


def test_a_token_without_the_scope_is_refused(reader: APIClient, dataset: Dataset) -> None:
    answer = launch(reader, body(dataset))
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_nobody_may_ask_without_a_token(dataset: Dataset) -> None:
    assert launch(APIClient(), body(dataset)).status_code == 401
    assert APIClient().get(URL).status_code == 401


def test_the_same_key_gives_the_same_search(alice: APIClient, dataset: Dataset) -> None:
    first = launch(alice, body(dataset), **{"Idempotency-Key": "one"}).json()
    again = launch(alice, body(dataset), **{"Idempotency-Key": "one"}).json()
    other = launch(alice, body(dataset), **{"Idempotency-Key": "two"}).json()
    assert first["id"] == again["id"] != other["id"]
    assert Search.objects.count() == 2


def test_the_list_shows_what_one_may_see(
    alice: APIClient, bob: APIClient, charlie: APIClient, make_search: Callable[..., Search]
) -> None:
    search = make_search()
    Trial.objects.create(
        search=search, number=1, method="linear", state="done", status="ok", score=0.5, seconds=1.0
    )
    [found] = alice.get(URL).json()["results"]
    assert (found["id"], found["trials_done"], found["best_score"]) == (str(search.pk), 1, 0.5)
    assert len(bob.get(URL).json()["results"]) == 1
    assert charlie.get(URL).json()["results"] == []


def test_the_list_costs_the_same_queries_however_long(
    alice: APIClient, make_search: Callable[..., Search], django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        make_search()
    with django_assert_max_num_queries(4):
        alice.get(URL)
