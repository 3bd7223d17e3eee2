"""Searches by every objective that trials can be measured by: asked for, told to the engine, reported and shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from automl.runners.base import TrialResult
from automl.values import DIRECTIONS
from knowledgebase.accounts.models import User
from knowledgebase.searches.bridge.engine import (
    SearchContext,
    build_engine,
    load_context,
    outcome_of,
    propose,
)
from knowledgebase.searches.bridge.names import SAMPLERS, installed_keys, measured, space_of
from knowledgebase.searches.bridge.running import Machine, ending_of
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.pages.objectives import FIGURES, WORDS
from knowledgebase.searches.services import claim_trial, finish_trial

pytestmark = pytest.mark.django_db

LINEAR = {
    "ngrams": "word", "ngram_max": 1, "min_df": 1, "sublinear_tf": True, "c": 1.0, "class_weights": False,
}  # fmt: skip
#: (score, seconds, bytes, weights)
RESULTS = ((0.9, 30.0, 900 * 2**20, 2_000_000), (0.5, 1.0, 400 * 2**20, 70), (0.8, 40.0, 300 * 2**20, 60_000))


@pytest.fixture
def make_costly(make_search: Callable[..., Search]) -> Callable[..., Search]:
    def make(*objectives: str) -> Search:
        search = make_search(objectives=list(objectives), space="tunelore/1", sampler="pge")
        for number, (score, seconds, memory, weights) in enumerate(RESULTS, start=1):
            now = timezone.now()
            Trial.objects.create(
                search=search, number=number, method="linear", hyperparameters={**LINEAR, "c": float(number)},
                state="done", status="ok", started_at=now, finished_at=now, score=score, seconds=seconds,
                memory_bytes=memory, trainable_parameters=weights,
            )  # fmt: skip
        return search

    return make


@pytest.fixture
def pages(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_whatever_can_be_measured_can_be_asked_for(alice: APIClient, dataset: Dataset) -> None:
    assert set(DIRECTIONS) - set(measured()) == {"energy_j"}
    for objectives in ([name] for name in measured()):
        body = {"dataset": str(dataset.pk), "budget": {"trials": 3}, "objectives": objectives}
        assert alice.post("/api/v1/searches/", body, format="json").json()["objectives"] == objectives
    body = {"dataset": str(dataset.pk), "budget": {"trials": 3}, "objectives": list(measured())}
    assert alice.post("/api/v1/searches/", body, format="json").json()["objectives"] == list(measured())
    body.pop("objectives")
    usual = alice.post("/api/v1/searches/", body, format="json").json()
    assert usual["objectives"] == ["score", "seconds"]


def test_a_trial_keeps_what_its_run_has_cost(make_search: Callable[..., Search], alice: APIClient) -> None:
    search = make_search(space="tunelore/1")
    trial = Trial.objects.create(search=search, number=1, method="linear", hyperparameters=LINEAR, sends=1)
    cost = {
        "evaluation_s": 2.5, "host_memory_bytes": 2**30, "trainable_parameters": 1234, "energy_j": 81.5,
    }  # fmt: skip
    now = timezone.now().isoformat()
    result = TrialResult(
        status="ok", started_at=now, finished_at=now, cost=cost,
        metrics={"test": {"f1_macro": 0.75}}, primary={"metric": "f1_macro", "split": "test", "value": 0.75},
    )  # fmt: skip
    claim = claim_trial(trial.pk, "here")
    assert claim is not None
    assert finish_trial(claim, ending_of(trial, result, Machine({}, None)))
    trial.refresh_from_db()
    assert (trial.memory_bytes, trial.trainable_parameters, trial.energy_j) == (2**30, 1234, 81.5)
    told = outcome_of(trial)
    assert [told.value(name) for name in DIRECTIONS] == [0.75, 2.5, 2**30, 1234, 81.5]
    [row] = alice.get(f"/api/v1/searches/{search.pk}/trials/").json()["results"]
    assert (row["trainable_parameters"], row["energy_j"]) == (1234, 81.5)


def test_memory_that_the_system_does_not_tell_is_not_known(make_search: Callable[..., Search]) -> None:
    trial = Trial(search=make_search(), number=1, method="linear", hyperparameters=LINEAR)
    now = timezone.now().isoformat()
    result = TrialResult(status="oom", started_at=now, finished_at=now, cost={"host_memory_bytes": 0})
    assert ending_of(trial, result, Machine({}, None)).memory_bytes is None


@pytest.mark.parametrize(
    ("objectives", "front", "best"),
    [
        (("score", "seconds"), [2, 1], 1),
        (("score", "memory_bytes"), [3, 1], 1),
        (("memory_bytes",), [3], 3),
        (("trainable_parameters", "memory_bytes"), [2, 3], 2),
        (("seconds",), [2], 2),
    ],
)
def test_report_and_script_go_by_the_objectives(
    alice: APIClient,
    make_costly: Callable[..., Search],
    objectives: tuple[str, ...],
    front: list[int],
    best: int,
) -> None:
    search = make_costly(*objectives)
    told = alice.get(f"/api/v1/searches/{search.pk}/").json()
    assert [point["trial"] for point in told["report"]["front"]] == front
    assert told["report"]["best"]["trial"] == best
    assert told["best_score"] == 0.9, "the highest, whatever counts"
    first = told["report"]["front"][0]
    assert (first["memory_bytes"], first["trainable_parameters"], first["energy_j"]) == (
        *RESULTS[front[0] - 1][2:],
        None,
    )
    script = alice.get(f"/api/v1/searches/{search.pk}/script/")
    assert f"-{best}.py" in script["Content-Disposition"]


def test_the_engine_is_told_what_it_judges_by(make_costly: Callable[..., Search]) -> None:
    search = make_costly("score", "memory_bytes", "trainable_parameters")
    context = SearchContext(space_of("text-classification", None), None, "")
    trials = list(search.trials.select_related("search"))
    engine = build_engine(context, search, trials)
    assert [one.name for one in engine.objectives] == search.objectives
    assert [item.number for item in engine.front()] == [1, 2, 3]
    share = engine.dominated({"memory_bytes": 2.0**30, "trainable_parameters": 1e7})
    assert share == pytest.approx(0.5738, abs=1e-4)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_proposes_by_what_counts(sampler: str, make_costly: Callable[..., Search]) -> None:
    search = make_costly("trainable_parameters", "memory_bytes")
    search.sampler, search.language_models = sampler, list(installed_keys())
    search.save()
    context = load_context(search.pk)
    assert context is not None
    trials = list(search.trials.select_related("search"))
    proposed = propose(context, search, trials, 2)
    assert [trial.number for trial in proposed] == [4, 5]
    assert all(trial.state == "queued" for trial in proposed)


def test_a_page_shows_all_that_counts(pages: Client, make_costly: Callable[..., Search]) -> None:
    both = pages.get(f"/searches/{make_costly('score', 'seconds').pk}/")
    assert both.context["page"].front is not None
    assert both.context["page"].front_table is None
    assert '<th scope="col" class="n">Trainable</th>' not in both.content.decode()

    alone = pages.get(f"/searches/{make_costly('score').pk}/").content.decode()
    assert "Score against time, though only score counts." in alone
    assert "not beaten in score<" in alone

    answer = pages.get(f"/searches/{make_costly('memory_bytes', 'trainable_parameters').pk}/")
    page, text = answer.context["page"], answer.content.decode()
    assert page.front is None, "score against time says nothing of this front"
    assert page.front_table.heads == ("Memory", "Trainable parameters")
    assert [point.trial for point, _ in page.front_table.rows] == [3, 2]
    assert "not beaten in memory and trainable parameters at once" in text
    assert "Best memory" in text
    assert '<th scope="col" class="n">Trainable</th>' in text

    three = pages.get(f"/searches/{make_costly('score', 'seconds', 'memory_bytes').pk}/")
    page = three.context["page"]
    assert page.front is not None
    assert page.front_table.heads == ("Score", "Time", "Memory")
    assert "not beaten in score, time and memory at once" in three.content.decode()


def test_the_form_offers_what_can_be_measured(pages: Client, dataset: Dataset) -> None:
    page = pages.get(f"/searches/new/{dataset.pk}/").context["page"]
    assert [name for name, _, _ in page.objectives] == list(measured())
    assert [name for name, _, chosen in page.objectives if chosen] == ["score", "seconds"]
    assert page.objectives[2][1] == "memory at its peak, lower"
    form: dict[str, Any] = {
        "trials": "3", "wall_s": "30", "memory_gib": "2", "slots": "1",
        "objectives": ["score", "memory_bytes", "trainable_parameters"],
    }  # fmt: skip
    assert pages.post(f"/searches/new/{dataset.pk}/", {**form, "key": "one"}).status_code == 302
    assert Search.objects.get().objectives == form["objectives"]
    answer = pages.post(f"/searches/new/{dataset.pk}/", {**form, "objectives": ["energy_j"]})
    assert answer.status_code == 422
    assert "the runner reads no energy meter" in answer.content.decode()
    answer = pages.post(f"/searches/new/{dataset.pk}/", {**form, "objectives": []})
    assert "name at least one of score" in answer.content.decode()


def test_the_log_of_a_trial_says_what_it_has_cost(pages: Client, make_costly: Callable[..., Search]) -> None:
    search = make_costly("score")
    search.trials.filter(number=1).update(energy_j=12_345.0)
    text = pages.get(f"/searches/{search.pk}/trials/1/").content.decode()
    assert "trainable parameters" in text
    assert "12.3\u202fkJ" in text


def test_every_objective_has_words_and_figures() -> None:
    assert set(WORDS) == set(FIGURES) == set(DIRECTIONS)
    assert [FIGURES["energy_j"](value) for value in (None, 0.5, 9_999.0, 10_000.0)] == [
        "–", "0.500\u202fJ", "9,999\u202fJ", "10\u202fkJ",
    ]  # fmt: skip
