"""Odd stores and odd histories, for every sampler: a clear error or a proposal of the space, never a crash."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

import pytest

from automl.engine import Engine
from automl.priors import build_prior
from automl.samplers import SAMPLERS
from automl.testing.worlds import GOOD, World
from automl.values import Evidence, Outcome, Pipeline

WORLD = World()
STORE = WORLD.evidence([1, 2, 3], 25)
LEFT_OUT = {"listed"} if find_spec("optuna") else {"listed", "tpe"}
EVERY = sorted(SAMPLERS.keys() - LEFT_OUT)
STORES: dict[str, Callable[[], list[Evidence]]] = {
    "no neighbours": list,
    "all neighbours failed": lambda: [
        replace(item, status="oom", cause="host", score=None) for item in STORE
    ],
    "one experience 10,000 times": lambda: [replace(STORE[0], id=str(place)) for place in range(10_000)],
    "scores that are no numbers": lambda: [replace(item, score=math.nan) for item in STORE],
    "seconds of zero": lambda: [replace(item, seconds=0.0) for item in STORE],
    "pipelines of another space": lambda: [
        replace(item, pipeline=Pipeline("magic", {"spell": place}, "hub:unknown@1"))
        for place, item in enumerate(STORE)
    ],
}


def engine(sampler: str, store: list[Evidence]) -> Engine:
    return Engine(WORLD.space, sampler, prior=build_prior(WORLD.space, store, WORLD.target(0)), seed=1)


@pytest.mark.parametrize("sampler", EVERY)
@pytest.mark.parametrize("name", STORES)
def test_odd_stores_stop_no_search(sampler: str, name: str) -> None:
    running = engine(sampler, STORES[name]())
    for _ in range(6):
        for proposal in running.ask():
            running.tell(WORLD.outcome(proposal))
    [proposal] = running.ask()
    assert WORLD.space.contains(proposal.pipeline)


@pytest.mark.parametrize("sampler", EVERY)
@pytest.mark.parametrize(
    "changes",
    [{"score": math.nan}, {"score": math.inf}, {"seconds": 0.0}, {"seconds": math.nan}, {"seconds": -1.0}],
    ids=str,
)
def test_odd_outcomes_stop_no_search(sampler: str, changes: dict[str, float]) -> None:
    running = engine(sampler, STORE)
    for _ in range(12):
        for proposal in running.ask():
            told = Outcome(proposal.number, proposal.pipeline, "ok", None, 0.5, 2.0)
            running.tell(replace(told, **changes) if proposal.number % 3 else told)  # type: ignore[arg-type]
    assert all(WORLD.space.contains(one.pipeline) for one in running.ask(2))


@pytest.mark.parametrize("sampler", EVERY)
def test_what_the_space_does_not_know_stays_in_the_history_and_teaches_nothing(sampler: str) -> None:
    strange = [
        Pipeline("magic", {"spell": 1}, GOOD),
        Pipeline("lora", {"spell": 1}, GOOD),
        Pipeline("lora", {}, "hub:elsewhere@1"),
    ]
    running = engine(sampler, STORE)
    for number, pipeline in enumerate(strange, start=1):
        running.tell(Outcome(number, pipeline, "ok", None, 0.9, 1.0))
    some = [item.pipeline for item in STORE[:8]]
    assert running.log_weights(some) == engine(sampler, STORE).log_weights(some)
    assert len(running.front()) == 3
    for _ in range(8):
        for proposal in running.ask():
            running.tell(WORLD.outcome(proposal))
            assert WORLD.space.contains(proposal.pipeline)
