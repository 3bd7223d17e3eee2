"""The sampler "process": what it believes, refuses and says, and what it makes of odd stores and histories."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from automl.engine import Engine
from automl.errors import SamplerError
from automl.estimators.kernels import Shares
from automl.priors import Prior, build_prior
from automl.samplers.process import ProcessSampler
from automl.testing.worlds import GOOD, NOISE, World
from automl.values import SCORE, Evidence, Limits, Outcome, TaskView

WORLD = World()
STORE = WORLD.evidence([1, 2, 3, 4], 60)


def prior(store: list[Evidence] | None = None, target: TaskView | None = None) -> Prior:
    return build_prior(WORLD.space, STORE if store is None else store, target or WORLD.target(0))


def engine(given: Prior | None = None, seed: int = 1, **options: object) -> Engine:
    return Engine(WORLD.space, "process", prior=given, seed=seed, options=options)


def sampler(running: Engine) -> ProcessSampler:
    assert isinstance(running.sampler, ProcessSampler)
    return running.sampler


def search(running: Engine, trials: int) -> list[Outcome]:
    for _ in range(trials):
        for proposal in running.ask():
            running.tell(WORLD.outcome(proposal))
    return running.history


def failures(history: list[Outcome]) -> int:
    return sum(item.is_failure for item in history)


def test_a_store_finds_good_pipelines_at_once() -> None:
    warm = search(engine(prior()), 8)
    cold = search(engine(), 8)
    assert max(item.score or 0 for item in warm) > max(item.score or 0 for item in cold)
    assert max(item.score or 0 for item in warm) > 0.7  # 0.8 is the best there is


def test_what_will_die_is_refused() -> None:
    chance = np.mean([failures(search(Engine(WORLD.space, "random", seed=seed), 30)) for seed in range(2)])
    ours = np.mean([failures(search(engine(prior(), seed=seed, audit=0.0), 30)) for seed in range(2)])
    assert ours < chance / 2


def test_audits_try_what_is_refused() -> None:
    asked = engine(prior(), audit=1.0, audit_checked=1.0, explore=0.0).ask()
    assert asked[0].origin == "audit"
    assert asked[0].why["refused"] is True


def test_a_gate_that_the_store_has_tried_is_audited_by_its_own_share() -> None:
    permuted = prior(WORLD.evidence([1, 2, 3, 4], 60, shuffled=True))
    for given, checked in ((prior(), True), (permuted, False), (None, False)):
        running = engine(given, audit=0.0, audit_checked=1.0, explore=0.0)
        assert sampler(running).base.physics.checks.passed is checked
        search(running, 6)
        assert any(item.origin == "audit" for item in running.ask()) is checked


@pytest.mark.parametrize("given", [prior(), None])
def test_seconds_are_dearer_the_more_a_store_is_believed(given: Prior | None) -> None:
    own = sampler(engine(given)).search
    beliefs = own.beliefs()
    assert own.weight == pytest.approx(0.0 if given is None else 0.85)
    share = np.minimum(np.exp(beliefs.forecast.log_seconds) / own.limit_s(), 1)
    np.testing.assert_allclose(beliefs.price, (0.02 + share) ** (0.75 + 0.125 * own.weight))


def test_a_permuted_store_is_not_believed() -> None:
    straight, permuted = prior(), prior(WORLD.evidence([1, 2, 3, 4], 60, shuffled=True))
    assert sampler(engine(straight)).base.trust > 0.5
    base = sampler(engine(permuted)).base
    assert base.trust == 0.0
    assert base.warm is None
    assert not base.physics.checks.seconds_believed


def test_own_runs_overrule_a_store_that_is_wrong_here() -> None:
    turned = [replace(item, score=None if item.score is None else 1 - item.score) for item in STORE]
    running = engine(prior(turned))
    believed = sampler(running).search.weight
    history = search(running, 20)
    assert believed > 0.8  # the store agrees with itself; only the target's own runs can tell
    assert max(item.score or 0 for item in history[:2]) < 0.5
    assert max(item.score or 0 for item in history) > 0.7


def test_a_fast_search_spends_less() -> None:
    spent = [
        np.mean(
            [
                sum(item.seconds or 0 for item in search(engine(prior(), seed=seed, fast=fast), 20))
                for seed in (1, 2)
            ]
        )
        for fast in (True, False)
    ]
    assert spent[0] < 0.8 * spent[1]


def test_each_proposal_says_why() -> None:
    running = engine(prior())
    search(running, 6)
    [proposal] = running.ask()
    why = json.loads(json.dumps(proposal.why))
    low, middle, high = why["score"]
    assert 0 <= low < middle < high <= 1
    assert why["seconds"][0] < why["seconds"][2] <= 60
    assert set(why["failing"]) == {"timeout", "memory", "error"}
    far = [distance for _, distance in why["tasks"]]
    assert sorted(far) == far
    assert {task for task, _ in why["tasks"]} == {f"task-{place}" for place in (1, 2, 3, 4)}
    known = {item.id: item.task for item in STORE}
    assert all(known[key] == task for key, task, _ in why["experiences"])
    assert why["own_runs"] == 6
    assert why["store_weight"] > 0.5


def test_pending_trials_are_not_asked_for_again_nearby() -> None:
    running = engine(prior())
    alone = running.ask()
    beside = running.ask(1, pending=alone)
    assert beside[0].pipeline != alone[0].pipeline
    gains = [proposal.why["gain"] for proposal in (*alone, *beside)]
    assert isinstance(gains[1], float)
    assert gains[1] < gains[0]  # type: ignore[operator]


def test_log_weights_prefer_what_the_store_liked() -> None:
    good = [item for item in STORE if item.pipeline.language_model == GOOD and item.pipeline.method == "lora"]
    liked = [item.pipeline for item in good if (item.score or 0) > 0.7]
    poor = [item.pipeline for item in STORE if item.pipeline.language_model == NOISE]
    running = Engine(WORLD.space, "process", prior=prior(), objectives=[SCORE], seed=1)
    search(running, 3)
    assert np.mean(running.log_weights(liked)) > np.mean(running.log_weights(poor)) + 1


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"fast": 1}, "fast"),
        ({"explore": 1.5}, "explore"),
        ({"audit": True}, "audit"),
        ({"audit_checked": -0.1}, "audit_checked"),
        ({"pool": 3}, "pool"),
        ({"near_best": -1}, "near_best"),
        ({"speed": 2}, "speed"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], word: str) -> None:
    with pytest.raises(SamplerError, match=word):
        engine(None, 1, **options)


def test_a_prior_of_another_space_is_refused() -> None:
    with pytest.raises(SamplerError, match="other decisions"):
        Engine(WORLD.space.restrict(methods=["lora"]), "process", prior=prior())


def odd_stores() -> dict[str, list[Evidence]]:
    first = STORE[0]
    return {
        "nothing": [],
        "one run 10,000 times": [replace(first, id=str(place)) for place in range(10_000)],
        "failures only": [replace(item, status="oom", cause="host", score=None) for item in STORE],
        "no timeouts": [item for item in STORE if item.status != "timeout"],
        "one task": [item for item in STORE if item.task == "task-1"],
        "no seconds": [replace(item, seconds=None) for item in STORE],
        "seconds of zero": [replace(item, seconds=0.0) for item in STORE],
        "scores that are no numbers": [replace(item, score=math.nan) for item in STORE],
        "one score": [replace(item, score=0.5 if item.score else None) for item in STORE],
        "no limits": [replace(item, limits=Limits()) for item in STORE],
        "no meta-features": [replace(item, metafeatures={}) for item in STORE],
    }


@pytest.mark.parametrize("name", sorted(odd_stores()))
def test_odd_stores_stop_nothing(name: str) -> None:
    running = engine(prior(odd_stores()[name]))
    search(running, 7)
    [proposal] = running.ask()
    assert WORLD.space.contains(proposal.pipeline)


@pytest.mark.parametrize(
    "changes",
    [
        {"score": math.nan},
        {"score": 0.0},
        {"score": 1.0},
        {"seconds": 0.0},
        {"seconds": math.nan},
        {"seconds": 1e9},
    ],
)
def test_odd_outcomes_stop_nothing(changes: dict[str, float]) -> None:
    running = engine(prior())
    for _ in range(6):
        for proposal in running.ask():
            running.tell(replace(WORLD.outcome(proposal), status="ok", cause=None, score=0.5, seconds=2.0))
    for proposal in running.ask():
        running.tell(replace(Outcome(proposal.number, proposal.pipeline, "ok", None, 0.5, 2.0), **changes))
    assert len(running.ask(3)) == 3


def test_without_limits_and_with_one_objective() -> None:
    target = replace(WORLD.target(0), limits=Limits())
    running = Engine(WORLD.space, "process", prior=prior(None, target), objectives=[SCORE])
    assert max(item.score or 0 for item in search(running, 10)) > 0.65


def test_sharing_can_be_capped() -> None:
    shares = Shares(np.array([[0.8, 0.2, 0.0], [0.1, 0.1, 0.8]]), 0.1).capped(0.7)
    np.testing.assert_allclose(shares.total(), [1.0, 1.0])
    np.testing.assert_allclose(shares.parts[0], [0.56, 0.14, 0.3])
    np.testing.assert_allclose(shares.parts[1], [0.1, 0.1, 0.8])
