"""Engines kept between two pushes of a search: what rows say, learnt once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from automl.engine import Engine
from knowledgebase.searches.bridge import engines
from knowledgebase.searches.bridge.engine import build_engine, load_context, propose
from knowledgebase.searches.bridge.names import SAMPLERS, installed_keys
from knowledgebase.searches.models import Search, Trial

pytestmark = pytest.mark.django_db
#: Whatever is proposed once there is a score is refused twice, then run.
STERN = {"rules": ["score_below_best"], "reach": 1.0, "margin": 0.0, "after": 0, "audit": 0.0, "retries": 2}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the trials that any engine was told, as they come."""
    found: list[int] = []
    tell = Engine.tell
    monkeypatch.setattr(
        Engine, "tell", lambda self, outcome: (found.append(outcome.number), tell(self, outcome))
    )
    monkeypatch.setattr(engines, "_kept", type(engines._kept)())
    return found


@pytest.fixture
def push(make_search: Callable[..., Search]) -> Callable[..., list[Trial]]:
    """Propose, save and end the next trials of a search."""

    def run(search: Search, n: int = 1) -> list[Trial]:
        context = load_context(search.pk)
        assert context is not None
        added = propose(context, search, list(search.trials.select_related("search")), n)
        for trial in added:
            if trial.state != Trial.State.SKIPPED:
                score = 0.3 + 0.05 * (trial.number % 7)
                trial.state, trial.status, trial.score, trial.seconds = (
                    "done",
                    "ok",
                    score,
                    2.0 + trial.number,
                )
                trial.started_at = trial.finished_at = timezone.now()
            trial.save()
        return added

    return run


def searching(make: Callable[..., Search], sampler: str, **more: Any) -> Search:
    return make(space="tunelore/1", sampler=sampler, language_models=list(installed_keys()), seed=5, **more)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("gate", [False, True], ids=["", "gate"])
def test_a_kept_engine_proposes_what_a_new_one_would(
    sampler: str, gate: bool, make_search: Any, push: Any, told: list[int]
) -> None:
    options = STERN if gate else {}
    kept, anew = (searching(make_search, sampler, gate=gate, gate_options=options) for _ in range(2))
    for _ in range(8):
        first = push(kept)
        engines._kept.pop((anew.pk, anew.prior_digest), None)
        second = push(anew)
        said, same = (
            [
                (one.number, one.state, one.method, one.language_model, one.hyperparameters, one.origin)
                for one in found
            ]
            for found in (first, second)
        )
        assert said == same
    assert kept.trials.filter(state="done").count() == 8
    assert kept.trials.filter(state="skipped").exists() is gate
    assert (kept.pk, kept.prior_digest) in engines._kept


def test_only_what_ended_since_is_learnt(make_search: Any, push: Any, told: list[int]) -> None:
    search = searching(make_search, "process")
    for _ in range(6):
        push(search)
    assert told == [1, 2, 3, 4, 5]


def test_a_row_that_changed_or_went_makes_a_new_engine(make_search: Any, push: Any, told: list[int]) -> None:
    search = searching(make_search, "process")
    for _ in range(4):
        push(search)
    search.trials.filter(number=2).update(score=0.99)
    context = load_context(search.pk)
    assert context is not None
    del told[:]
    engine = build_engine(context, search, list(search.trials.select_related("search")))
    assert told == [1, 2, 3, 4]
    assert engine.history[1].score == 0.99
    engines.keep((search.pk, context.prior_digest), engine)
    search.trials.filter(number=1).delete()
    engine = build_engine(context, search, list(search.trials.select_related("search")))
    assert [one.number for one in engine.history] == [2, 3, 4]


def test_nobody_shares_an_engine_and_few_are_kept(make_search: Any, push: Any, told: list[int]) -> None:
    search = searching(make_search, "random")
    for _ in range(2):
        push(search)
    context = load_context(search.pk)
    assert context is not None
    trials = list(search.trials.select_related("search"))
    assert build_engine(context, search, trials) is not build_engine(context, search, trials)
    for _ in range(engines.MOST + 2):
        other = searching(make_search, "random")
        push(other, 2)
    assert len(engines._kept) == engines.MOST
