"""Every objective, alone and together: fronts, hypervolume with a fixed reference, and samplers that heed them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.engine import Engine
from automl.errors import SamplerError
from automl.fronts import dominated, hypervolume
from automl.priors import PriorOptions, build_prior
from automl.samplers import SAMPLERS
from automl.testing.worlds import LANGUAGE_MODELS, World
from automl.values import (
    DIRECTIONS,
    ENERGY,
    MEMORY,
    PARAMETERS,
    SCORE,
    SECONDS,
    Objective,
    Outcome,
    Pipeline,
    Proposal,
)

ALL = (SCORE, SECONDS, MEMORY, PARAMETERS, ENERGY)
REFERENCES = {"seconds": 40.0, "memory_bytes": 2.0**31, "trainable_parameters": 3e8, "energy_j": 2000.0}
WORLD = World()
#: The better a language model, the larger.
FACTS = {key: {"parameters": 1.6e8 / 4**place} for place, key in enumerate(LANGUAGE_MODELS)}
PRIOR = build_prior(WORLD.space, WORLD.evidence([1, 2, 3, 4], 40), WORLD.target(0), facts=FACTS)
#: Every sampler but those that do not look at outcomes, or need Optuna.
LEARNING = ("process", "pge", "nsga2", "replay")


def measured(proposal: Proposal) -> Outcome:
    """The world's outcome with costs that follow from sizes: what is trained, held, and drawn."""
    found = WORLD.outcome(proposal)
    if found.status != "ok":
        return found
    pipeline = proposal.pipeline
    size = FACTS.get(pipeline.language_model or "", {"parameters": 1e3})["parameters"]
    trained = {"full": 1.0, "partial": 0.5, "lora": 0.02}.get(pipeline.method, 1e-4) * size
    spent = found.seconds or 0.0
    return replace(
        found, memory_bytes=1e8 + 4 * size + 12 * trained, trainable_parameters=trained, energy_j=40 * spent
    )


def search(sampler: str, objectives: Sequence[Objective], trials: int = 16) -> Engine:
    running = Engine(WORLD.space, sampler, prior=PRIOR, objectives=objectives, seed=3)
    for _ in range(trials):
        for proposal in running.ask():
            running.tell(measured(proposal))
    return running


def test_an_objective_has_one_direction() -> None:
    assert {one.name: one.direction for one in ALL} == DIRECTIONS
    with pytest.raises(ValueError, match=r"'energy_j' cannot be 'max'.*energy_j min"):
        Objective("energy_j", "max")
    with pytest.raises(SamplerError, match="memory_bytes"):
        Engine(WORLD.space, objectives=[MEMORY, MEMORY])


points = st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=6)


@given(points)
def test_three_objectives_dominate_what_a_grid_says(drawn: list[tuple[int, int, int]]) -> None:
    told = [
        Outcome(place, Pipeline("m"), "ok", None, score / 4, float(seconds), memory_bytes=float(memory))
        for place, (score, seconds, memory) in enumerate(drawn)
    ]
    share = dominated(told, (SCORE, SECONDS, MEMORY), {"seconds": 4.0, "memory_bytes": 4.0})
    cells = itertools.product(range(4), repeat=3)
    covered = [any(s > x and t <= y and m <= z for s, t, m in drawn) for x, y, z in cells]
    assert share == pytest.approx(np.mean(covered))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 50)), max_size=8))
def test_two_objectives_agree_with_the_hypervolume_of_score_and_seconds(
    drawn: list[tuple[float, float]],
) -> None:
    told = [Outcome(place, Pipeline("m"), "ok", None, *pair) for place, pair in enumerate(drawn)]
    whole = hypervolume([score for score, _ in drawn], [spent for _, spent in drawn], limit_s=40.0)
    assert dominated(told, (SCORE, SECONDS), {"seconds": 40.0}) == pytest.approx(whole)


def test_failures_missing_values_and_what_lies_beyond_add_nothing() -> None:
    good = Outcome(1, Pipeline("m"), "ok", None, 0.5, 10.0, energy_j=100.0)
    objectives, references = (SCORE, ENERGY), {"energy_j": 200.0}
    assert dominated([good], objectives, references) == pytest.approx(0.25)
    for other in (
        replace(good, status="oom"),
        replace(good, energy_j=None),
        replace(good, score=None),
        replace(good, energy_j=200.0),
        replace(good, score=float("nan")),
    ):
        assert dominated([other], objectives, references) == 0
    with pytest.raises(ValueError, match="energy_j needs a positive reference, got None"):
        dominated([good], objectives, {})


@pytest.mark.parametrize("sampler", sorted(SAMPLERS.keys() - {"listed", "tpe"}))
def test_all_five_together_are_searched(sampler: str) -> None:
    running = search(sampler, ALL)
    assert len(running.front()) >= 2
    assert 0 < running.dominated(REFERENCES) < 1


@pytest.mark.parametrize("objective", ALL)
def test_each_alone_will_do(objective: Objective) -> None:
    for sampler in LEARNING:
        assert len({item.value(objective.name) for item in search(sampler, [objective]).front()}) == 1


@pytest.mark.parametrize("objective", [MEMORY, PARAMETERS, ENERGY])
def test_the_process_heeds_a_cost(objective: Objective) -> None:
    ours, blind = (
        search(name, (SCORE, objective), 20).dominated(REFERENCES) for name in ("process", "random")
    )
    assert ours > blind


def test_the_process_spends_less_memory_when_it_is_an_objective() -> None:
    heeding, not_heeding = (
        np.mean(
            [item.memory_bytes or 0 for item in search("process", objectives, 20).history if item.is_success]
        )
        for objectives in ((SCORE, MEMORY), (SCORE,))
    )
    assert heeding < 0.8 * not_heeding


def test_costs_that_nobody_measured_stop_nothing() -> None:
    running = Engine(WORLD.space, prior=PRIOR, objectives=(SCORE, ENERGY, MEMORY), seed=3)
    for _ in range(6):
        for proposal in running.ask(2):
            running.tell(WORLD.outcome(proposal))
    assert len(running.ask(2)) == 2
    assert running.dominated(REFERENCES) == 0


def test_seconds_stand_for_every_cost_of_a_prior() -> None:
    for objectives, weights in (((SCORE,), (1, 0)), ((SCORE, MEMORY), (1, 1)), ((ENERGY,), (0, 1))):
        found = PriorOptions().for_objectives(objectives)
        assert (found.score_weight > 0, found.seconds_weight > 0) == weights
