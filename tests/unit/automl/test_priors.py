"""Priors: which evidence speaks, how loud, and what is left of it in the model."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from automl.errors import EvidenceError, SamplerError
from automl.priors import (
    Decisions,
    Defects,
    Gaussian,
    Model,
    Prior,
    PriorOptions,
    Rate,
    Shares,
    Truth,
    Weights,
    build_prior,
    utilities,
)
from automl.testing import World
from automl.testing.worlds import GOOD, NOISE
from automl.values import SCORE, Evidence, Limits, Pipeline, TaskView

WORLD = World()
TARGET = WORLD.target(0)
STORE = WORLD.evidence([1, 2, 3], 40)


def ids(prior: Prior) -> set[str]:
    return {key for key, _ in prior.weights}


def one(key: str = "1", task: str = "task-1", **more: Any) -> Evidence:
    pipeline = WORLD.space.sample(np.random.default_rng(1), 1)[0]
    values: dict[str, Any] = {"status": "ok", "score": 0.5, "seconds": 5.0, "limits": WORLD.limits, **more}
    return Evidence(key, task, WORLD.metafeatures(1), values.pop("pipeline", pipeline), **values)


def test_nothing_known_is_uniform() -> None:
    prior = build_prior(WORLD.space, [], TARGET)
    assert prior.weights == []
    assert prior.neighbours == []
    for name, shares in prior.distributions().items():
        assert sum(shares.values()) == pytest.approx(1)
        assert shares == pytest.approx(prior.uniform()[name], abs=0.05)


def test_shares_sum_to_one_and_have_the_labels_of_uniform() -> None:
    prior = build_prior(WORLD.space, STORE, TARGET)
    assert {name: list(shares) for name, shares in prior.distributions().items()} == {
        name: list(shares) for name, shares in prior.uniform().items()
    }
    for shares in prior.distributions().values():
        assert sum(shares.values()) == pytest.approx(1)


def test_what_did_well_elsewhere_is_likelier() -> None:
    prior = build_prior(WORLD.space, STORE, TARGET, PriorOptions().for_objectives([SCORE]))
    models = prior.distributions()["language_model"]
    assert models[GOOD] > 1 / 3 > models[NOISE]


def test_a_prior_survives_json() -> None:
    prior = build_prior(WORLD.space, STORE, TARGET)
    again = Prior.from_dict(WORLD.space, json.loads(json.dumps(prior.to_dict())))
    assert again.distributions() == prior.distributions()
    assert (again.weights, again.digest) == (prior.weights, prior.digest)
    assert [item.task for item in again.neighbours] == [item.task for item in prior.neighbours]


@pytest.mark.parametrize("data", [{}, {"model": 1}, {"model": {}, "neighbours": 3}])
def test_a_stored_prior_of_another_shape_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(EvidenceError, match="does not fit"):
        Prior.from_dict(WORLD.space, data)


def test_a_stored_prior_of_another_space_is_refused() -> None:
    data = build_prior(WORLD.space.restrict(methods=["lora"]), STORE, TARGET).to_dict()
    with pytest.raises(EvidenceError, match="does not fit"):
        Prior.from_dict(WORLD.space, data)


def test_the_order_of_the_store_does_not_matter() -> None:
    assert (
        build_prior(WORLD.space, reversed(STORE), TARGET).digest
        == build_prior(WORLD.space, STORE, TARGET).digest
    )


def test_the_digest_changes_with_the_store() -> None:
    assert (
        build_prior(WORLD.space, STORE[1:], TARGET).digest != build_prior(WORLD.space, STORE, TARGET).digest
    )


def test_only_the_nearest_tasks_speak() -> None:
    prior = build_prior(WORLD.space, STORE, TARGET, PriorOptions(neighbours=2))
    assert len(prior.neighbours) == 2
    assert {key.split("-")[0] for key in ids(prior)} == {item.task[-1] for item in prior.neighbours}


def test_a_prior_is_bounded() -> None:
    prior = build_prior(WORLD.space, STORE, TARGET, PriorOptions(k_positive=3, k_negative=0))
    assert len(prior.weights) == 3


def test_one_record_and_one_run_count_once() -> None:
    twins = [one("1"), one("1"), one("2"), one("3", score=0.6)]
    assert ids(build_prior(WORLD.space, twins, TARGET)) == {"1", "3"}
    both = PriorOptions(defects=Defects(count_twins_twice=True))
    assert ids(build_prior(WORLD.space, twins, TARGET, both)) == {"1", "2", "3"}


def test_what_says_nothing_is_left_out() -> None:
    silent = [
        one("1", status="killed", cause="user", score=None),
        one("2", status="timeout", score=None, limits=Limits(1.0)),
        one("3", status="error", cause="download", score=None),
        one("4", seconds=300.0),
        one("5", pipeline=Pipeline("magic", {"x": 1}, "hub:unknown@1")),
    ]
    assert ids(build_prior(WORLD.space, silent, TARGET)) == set()
    loud = PriorOptions(defects=Defects(every_failure_counts=True))
    assert ids(build_prior(WORLD.space, silent, TARGET, loud)) == {"1", "2", "3", "4"}


def test_failures_push_down() -> None:
    failed = one("1", status="diverged", score=None)
    prior = build_prior(WORLD.space, [failed], TARGET)
    [(_, alpha)] = prior.weights
    assert alpha < 0
    method = failed.pipeline.method
    assert prior.distributions()["method"][method] < 1 / 5


def test_what_the_space_does_not_know_is_skipped() -> None:
    foreign = Pipeline("full", {"learning_rate": 1.0, "epochs": 2, "speed": 9}, "hub:bert@1")
    assert set(Decisions(WORLD.space).read(foreign)) == {"method", "full.epochs"}


def test_what_is_missing_is_drawn_only_as_a_defect() -> None:
    foreign = one("1", pipeline=Pipeline("full", {"epochs": 2}, GOOD))
    options = PriorOptions(centred=False, utility="weighted_sum_v1")
    mended = build_prior(WORLD.space, [foreign], TARGET, options).distributions()
    assert mended["full.batch_size"] == pytest.approx({"8": 1 / 3, "16": 1 / 3, "32": 1 / 3})
    drawn = replace(options, defects=Defects(draw_missing_values=True))
    found = build_prior(WORLD.space, [foreign], TARGET, drawn)
    assert max(found.distributions()["full.batch_size"].values()) > 0.5
    assert found.digest == build_prior(WORLD.space, [foreign], TARGET, drawn).digest


def test_distance_fades() -> None:
    near, far = one("near", "a"), replace(one("far", "b"), metafeatures=WORLD.metafeatures(30))
    options = PriorOptions(centred=False, utility="weighted_sum_v1", beta_scale=1.0)
    weights = dict(build_prior(WORLD.space, [near, far], WORLD.target(1), options).weights)
    assert weights["near"] > weights["far"] > 0


def test_machines_take_part_where_asked() -> None:
    here, there = one("1", "a", system={"cores": 2.0}), one("2", "b", system={"cores": 64.0})
    target = TaskView("t", WORLD.metafeatures(1), {"cores": 64.0}, WORLD.limits)
    for with_system, first in ((False, "a"), (True, "b")):
        prior = build_prior(WORLD.space, [here, there], target, PriorOptions(with_system=with_system))
        assert prior.neighbours[0].task == first


def test_the_published_system_runs() -> None:
    prior = build_prior(WORLD.space, STORE, TARGET, PriorOptions.reference(beta_scale=0.5))
    assert set(prior.defects) == set(Defects.reference().names())
    assert all(alpha != 0 for _, alpha in prior.weights)
    methods = prior.model["method"]
    assert isinstance(methods, Weights)
    assert Prior.from_dict(WORLD.space, prior.to_dict()).distributions() == prior.distributions()


def test_ranks_are_not_squeezed_by_an_outlier() -> None:
    found = utilities(
        "rank", ["a"] * 3, [0.5, 0.6, 0.7], [1.0, 2.0, 1000.0], score_weight=0.0, seconds_weight=1
    )
    assert found == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("kind", ["rank", "weighted_sum_v1", "weighted_sum_v2", "linear_front"])
def test_missing_seconds_leave_the_score(kind: str) -> None:
    found = utilities(kind, ["a", "a"], [0.2, 0.8], [None, None])
    assert all(0 <= value <= 1 for value in found)
    assert found[1] > found[0] or kind == "linear_front"


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: PriorOptions(neighbours=-1), "neighbours"),
        (lambda: PriorOptions(beta=-1.0), "beta"),
        (lambda: Rate("fixed", -1.0), "rate"),
        (lambda: utilities("magic", [], [], []), "magic"),
        (lambda: utilities("rank", [], [], [], score_weight=0, seconds_weight=0), "weights"),
    ],
)
def test_wrong_options_are_named(make: Any, word: str) -> None:
    with pytest.raises(EvidenceError, match=word):
        make()


def test_an_unknown_defect_is_named() -> None:
    with pytest.raises(SamplerError, match="magic"):
        Defects.named(["magic"])


def test_updates_keep_distributions_proper() -> None:
    rng = np.random.default_rng(0)
    model = Model(
        {
            "s": Shares([0.25] * 4, floor=0.1),
            "t": Truth(floor=0.1),
            "g": Gaussian(0.5, 1.0, floor=0.08, ceiling=1.0),
        }
    )
    for _ in range(500):
        recorded = {
            "s": [float(v) for v in rng.integers(0, 4, 2)],
            "t": [float(rng.integers(0, 2))],
            "g": [float(rng.random())],
            "unknown": [1.0],
        }
        model.update(recorded, float(rng.uniform(-0.5, 0.5)))
        shares, truth, normal = model["s"], model["t"], model["g"]
        assert isinstance(shares, Shares)
        assert isinstance(truth, Truth)
        assert isinstance(normal, Gaussian)
        assert sum(shares.p) == pytest.approx(1)
        assert min(shares.p) >= 0.02
        assert 0.05 <= truth.q <= 0.95
        assert 0.08 <= normal.deviation <= 1.0
        assert 0 <= normal.mean <= 1
        assert normal.mass(0, 1) == pytest.approx(1)


def test_one_option_cannot_be_pushed_down() -> None:
    shares = Shares([1.0])
    shares.update([0.0], -0.5)
    assert shares.p == [1.0]
