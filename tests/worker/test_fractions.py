"""A search over fractions of the training rows, asked for over the API, run to its end by the workers' own code."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient
from tunelore import record as records

from automl.runners.base import TrialResult
from automl.values import Evidence
from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import create_token, personal_team
from knowledgebase.experiences.models import Experience
from knowledgebase.searches import services
from knowledgebase.searches.bridge.curves import stopping_of
from knowledgebase.searches.bridge.engine import BASELINE
from knowledgebase.searches.bridge.evidence import evidence_for
from knowledgebase.searches.bridge.feasible import Recorded, moved
from knowledgebase.searches.bridge.records import result_record
from knowledgebase.searches.models import Dataset, Search, Trial
from tests.worker.test_gate import EVALUATIONS, finished

FRACTIONS = [0.1, 0.3, 1]
OWN = {"base": "tunelore", "name": "parts/1", "methods": ["linear"], "train_fractions": FRACTIONS}
WORDS = {"cooking": ["soup", "dough", "eggs", "stew"], "sailing": ["jib", "anchor", "port", "wind"]}
URL = "/api/v1/searches/"
#: What the search allows of the training rows, and the trials that it has.
ALLOWED, TRIALS = 60, 6


@pytest.fixture(autouse=True)
def folders(settings: Settings, tmp_path: Path) -> None:
    settings.UPLOADS_FOLDER = tmp_path / "uploads"
    settings.CACHE_FOLDER = tmp_path / "cache"


@pytest.fixture
def rows(person: User) -> Dataset:
    """An upload of 200 rows, of which 140 are left to train on."""
    source = random.Random(1)
    lines = ["text,label"]
    for number in range(200):
        label = sorted(WORDS)[number % 2]
        lines.append(f"{source.choice(WORDS[label])} {number} {source.choice(WORDS[label])},{label}")
    stored = services.store_upload(["\n".join(lines).encode()], "rows.csv")
    found = services.create_dataset(
        person,
        source="upload",
        name="rows",
        team=personal_team(person),
        files={"train": stored.name},
        text_columns=("text",),
        label_column="label",
    )
    assert services.resolve_dataset(found.pk) == "ready"
    found.refresh_from_db()
    return found


@pytest.fixture
def client(person: User) -> APIClient:
    _, text = create_token(person, "test", ("experiences:read", "searches:write"))
    return APIClient(headers={"Authorization": f"Bearer {text}"})


def ask(client: APIClient, dataset: Dataset, **changes: Any) -> Any:
    asked = {"dataset": str(dataset.pk), "budget": {"trials": TRIALS}, "train_rows": ALLOWED, "seed": 3}
    return client.post(URL, asked | {"own_space": OWN} | changes, format="json")


def test_records_say_the_fraction_and_the_rows(person: User, client: APIClient, rows: Dataset) -> None:
    answer = ask(client, rows)
    assert answer.status_code == 201, answer.content
    search = Search.objects.get(pk=answer.json()["id"])
    ended = list(services.drain_searches([search.pk], "test"))
    assert [trial.status for trial in ended] == ["ok"] * TRIALS
    search.refresh_from_db()
    assert (search.state, ended[0].origin) == ("done", "baseline")
    assert ended[0].hyperparameters == {**BASELINE, "train_fraction": 1}
    seen = set()
    for trial in ended:
        record = Experience.objects.get(pk=trial.pk).record
        assert records.check(record) == []
        fraction = record["pipeline"]["hyperparameters"]["train_fraction"]
        assert fraction in FRACTIONS
        used = round(fraction * ALLOWED)
        assert record["fidelity"]["train_rows"] == used
        assert record["fidelity"]["train_fraction"] == pytest.approx(used / rows.train_rows)
        seen.add(fraction)
    assert len(seen) > 1
    found: list[Evidence] = list(evidence_for(person))
    assert {run.train_rows for run in found} == {ALLOWED}
    shown = client.get(f"{URL}{search.pk}/trials/").json()["results"]
    assert {row["hyperparameters"]["train_fraction"] for row in shown} == seen
    assert (
        ask(client, rows, own_space=client.get(f"{URL}{search.pk}/").json()["own_space"]).status_code == 201
    )


@pytest.mark.parametrize(("wrong", "shown"), [(0, "0"), (1.5, "1.5"), ("1/9", "'1/9'"), (True, "True")])
def test_what_is_no_fraction_is_refused_with_its_place(
    client: APIClient, rows: Dataset, wrong: object, shown: str
) -> None:
    answer = ask(client, rows, own_space=OWN | {"train_fractions": [wrong, 1]})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"].endswith("own_space")
    assert (
        f"train_fractions.0 must be a number above 0 (0.000001 at least) and at most 1, got {shown}"
        in str(error)
    )
    assert not Search.objects.exists()


@pytest.mark.parametrize(
    ("fraction", "asked", "limit"), [(0.1, 6, 60), (0.3, 18, 60), (1, 60, 60), (0.1, 60, None)]
)
def test_a_run_that_died_is_said_to_have_had_what_it_asked_for(
    make_search: Callable[..., Search], fraction: float, asked: int, limit: int | None
) -> None:
    search = make_search(train_rows=limit, space="parts/1")
    trial = Trial(search=search, number=1, method="linear", hyperparameters={"train_fraction": fraction})
    now = "2026-11-21T10:00:00.000Z"
    died = TrialResult(status="oom", started_at=now, finished_at=now)
    assert result_record(trial, died, {}, None)["fidelity"] == {
        "train_fraction": asked / 600,
        "train_rows": asked,
    }
    counted = replace(died, status="ok", fidelity={"train_rows": 12})
    assert result_record(trial, counted, {}, None)["fidelity"] == {"train_fraction": 0.02, "train_rows": 12}


def test_a_curve_is_compared_with_those_of_as_many_rows(make_search: Callable[..., Search]) -> None:
    search = make_search(early_stopping="median")
    said: list[dict[str, float]] = [{}, {"train_fraction": 1}, {"train_fraction": 0.3}]
    for number, values in enumerate(said, 1):
        one = finished(search, number, EVALUATIONS)
        Trial.objects.filter(pk=one.pk).update(hyperparameters={"epochs": 2, **values})
    peers = []
    for number, values in enumerate([*said[::2], {"train_fraction": 0.1}], 4):
        asking = Trial(search=search, number=number, method="full", hyperparameters={"epochs": 2, **values})
        found = stopping_of(asking)
        assert found is not None
        assert len(found.front) == 3
        peers.append(len(found.peers))
    assert peers == [2, 1, 0]


def test_recorded_seconds_are_moved_by_rows_once() -> None:
    features = {"values": {"mean_length": 80.0, "classes": 4.0}}
    plain = {"epochs": 3, "batch_size": 16, "max_length": 64, "learning_rate": 1e-4}
    cut = Recorded("full", plain | {"train_fraction": 0.1}, "package:a@1", 60, features)
    whole = Recorded("full", plain, "package:a@1", 600, features)
    assert moved([cut, whole], features, 600) == [pytest.approx((1.0, 1.0))] * 2
    [(slower, _), (other, _)] = moved([cut, whole], features, 6000)
    assert 3 < slower < 10.01
    assert 3 < other < 10.01
