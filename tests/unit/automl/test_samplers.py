"""Every sampler on the conformance suite, and what is particular to one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec

import numpy as np
import pytest

from automl.engine import Engine
from automl.errors import SamplerError
from automl.priors import Decisions, Defects, Prior, PriorOptions, build_prior
from automl.samplers import SAMPLERS, PgeOptions
from automl.samplers.ranking import best_of
from automl.space import Integer, Method, Space
from automl.testing import SamplerSuite, World
from automl.testing.worlds import GOOD, NOISE
from automl.values import SCORE, SECONDS, Outcome, Pipeline

WORLD = World()


class TestRandom(SamplerSuite):
    sampler = "random"


class TestPge(SamplerSuite):
    sampler = "pge"
    learns_from_store = True


class TestPgeWithDefects(SamplerSuite):
    """The published system, but for the defect of repeating itself."""

    sampler = "pge"
    learns_from_store = True

    def options(self, space: Space) -> Mapping[str, object]:
        names = [name for name in Defects.reference().names() if name != "repeat_pipelines"]
        return {**asdict(PgeOptions.reference()), "population": 4, "defects": names}

    def prior(self, *, shuffled: bool = False) -> Prior:
        world = self.world
        evidence = world.evidence([1, 2, 3, 4], 40, shuffled=shuffled)
        return build_prior(world.space, evidence, world.target(0), PriorOptions.reference())


class TestReplay(SamplerSuite):
    sampler = "replay"
    learns_from_store = True


class TestProcess(SamplerSuite):
    sampler = "process"
    learns_from_store = True


class TestNsga2(SamplerSuite):
    sampler = "nsga2"

    def options(self, space: Space) -> Mapping[str, object]:
        return {"population": 4}


class TestExpert(SamplerSuite):
    """A fixed table, so another seed changes nothing before it is used up."""

    sampler = "expert"
    draws = False

    def options(self, space: Space) -> Mapping[str, object]:
        return {"rules": {"only": [{}]}} if space.name == "one" else {}


@pytest.mark.skipif(find_spec("optuna") is None, reason="Optuna is not installed")
class TestTpe(SamplerSuite):
    sampler = "tpe"

    def options(self, space: Space) -> Mapping[str, object]:
        return {"startup": 3}


class TestListed(SamplerSuite):
    sampler = "listed"
    draws = False

    def options(self, space: Space) -> Mapping[str, object]:
        count = 1 if space.size == 1 else 40
        return {"pipelines": [item.to_dict() for item in space.sample(np.random.default_rng(0), count)]}


def test_every_sampler_is_on_the_suite() -> None:
    suites = {suite.sampler for suite in SamplerSuite.__subclasses__() if suite.__module__ == __name__}
    assert suites == set(SAMPLERS)


def outcomes(*points: tuple[float | None, float]) -> list[Outcome]:
    return [
        Outcome(
            number, Pipeline("m", {"x": number}), "oom" if score is None else "ok", "host", score, seconds
        )
        for number, (score, seconds) in enumerate(points)
    ]


def numbers(found: list[Outcome]) -> list[int]:
    return [item.number for item in found]


def test_only_successes_are_ranked() -> None:
    generation = outcomes((None, 1.0), (0.2, 30.0), (None, 2.0), (0.1, 40.0))
    assert numbers(best_of(generation, 4, [SCORE, SECONDS], Defects())) == [1, 3]
    assert numbers(best_of(generation, 4, [SCORE, SECONDS], Defects(rank_failures=True))) == [0, 1, 2, 3]


def test_the_front_that_does_not_fit_keeps_its_ends_and_its_loneliest() -> None:
    generation = outcomes((0.9, 100.0), (0.1, 1.0), (0.12, 2.0), (0.5, 40.0), (0.14, 3.0))
    assert numbers(best_of(generation, 3, [SCORE, SECONDS], Defects())) == [0, 1, 3]


def test_misplaced_crowding_keeps_others() -> None:
    generation = outcomes((0.05, 60.0), (0.12, 2.0), (0.5, 40.0), (0.14, 3.0), (0.9, 100.0), (0.1, 1.0))
    right = best_of(generation, 3, [SCORE, SECONDS], Defects())
    wrong = best_of(generation, 3, [SCORE, SECONDS], Defects(misplaced_crowding=True))
    assert numbers(right) == [2, 4, 5]
    assert numbers(wrong) != numbers(right)


def chosen(engine: Engine, trials: int, method: str) -> list[Pipeline]:
    """The pipelines of a search in a world where only this method does well."""
    for _ in range(trials):
        [proposal] = engine.ask()
        score = 0.9 if proposal.pipeline.method == method else 0.1
        engine.tell(Outcome(proposal.number, proposal.pipeline, "ok", None, score, 1.0))
    return [item.pipeline for item in engine.history]


def test_evolution_moves_to_what_is_good() -> None:
    late = chosen(Engine(WORLD.space, "pge", seed=3, objectives=[SCORE]), 60, "probe")[30:]
    assert sum(pipeline.method == "probe" for pipeline in late) > 20


def test_own_failures_push_down() -> None:
    engine = Engine(WORLD.space, "pge", seed=3)
    failing = [item for item in WORLD.space.sample(np.random.default_rng(0), 60) if item.method == "full"][:8]
    for number, pipeline in enumerate(failing, start=1):
        engine.tell(Outcome(number, pipeline, "oom", "host", None, 1.0))
    others = [item for item in WORLD.space.sample(np.random.default_rng(1), 30) if item.method != "full"]
    assert max(engine.log_weights(failing)) < min(engine.log_weights(others[:1]))


def test_exploration_is_left_after_a_warm_start() -> None:
    prior = build_prior(WORLD.space, WORLD.evidence([1, 2], 60), WORLD.target(0))
    origins = [item.origin for item in Engine(WORLD.space, "pge", prior=prior).ask(80)]
    assert 1 <= origins.count("uniform") <= 20
    assert set(origins) == {"uniform", "prior"}
    none = {"defects": ["no_exploration_when_warm"]}
    assert {item.origin for item in Engine(WORLD.space, "pge", prior=prior, options=none).ask(80)} == {
        "prior"
    }


def test_a_warm_start_begins_with_what_did_well_elsewhere() -> None:
    options = PriorOptions().for_objectives([SCORE])
    prior = build_prior(WORLD.space, WORLD.evidence([1, 2, 3], 60), WORLD.target(0), options)
    warm = Engine(WORLD.space, "pge", prior=prior, seed=1, objectives=[SCORE]).ask(60)
    models = [item.pipeline.language_model for item in warm]
    assert models.count(GOOD) > 2 * models.count(NOISE)


def test_clamped_draws_pile_up_at_the_ends() -> None:
    """The published figures for whole numbers from 1 to 10, and none of it without the defects."""
    space = Space("one", (Method("only", {"epochs": Integer(1, 10)}, needs_language_model=False),))
    defects = Defects(clamped_draws=True, natural_scale=True, collapsing_deviation=True)
    clamped, mended = (Decisions(space, chosen) for chosen in (defects, Defects()))
    piled = clamped.shares(clamped.initial_model())["only.epochs"]
    assert [round(piled[end], 3) for end in ("1", "10")] == [0.349, 0.309]
    assert sum(piled.values()) == pytest.approx(1)
    spread = mended.shares(mended.initial_model())["only.epochs"]
    assert all(0.08 < share < 0.12 for share in spread.values())
    drawn = [clamped.draw(clamped.initial_model(), np.random.default_rng(seed)) for seed in range(400)]
    ones = sum(item.hyperparameters["epochs"] == 1 for item in drawn) / 400
    assert abs(ones - 0.349) < 0.08


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"population": 0}, "population"),
        ({"selection": "half"}, "selection"),
        ({"defects": ["rank_failure"]}, "rank_failure"),
        ({"defects": "rank_failures"}, "defects"),
        ({"speed": 1}, "speed"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], word: str) -> None:
    with pytest.raises(SamplerError, match=word):
        Engine(WORLD.space, "pge", options=options)


def test_a_prior_of_another_space_is_refused() -> None:
    prior = build_prior(WORLD.space, [], WORLD.target(0))
    with pytest.raises(SamplerError, match="build it again"):
        Engine(WORLD.space.restrict(methods=["lora"]), "pge", prior=prior)


def test_a_listed_pipeline_outside_of_the_space_is_named() -> None:
    with pytest.raises(SamplerError, match=r"pipelines\[0\].*epochs"):
        Engine(
            WORLD.space,
            "listed",
            options={
                "pipelines": [
                    {**WORLD.space.sample(np.random.default_rng(5), 1)[0].to_dict(), **WRONG},
                ]
            },
        )


WRONG = {"method": "full", "language_model": GOOD, "hyperparameters": {"epochs": 11}}
