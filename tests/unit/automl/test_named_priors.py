"""Priors by name: each of the reference's lines builds, moves a prior, and says what is wrong with another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from automl.engine import Engine
from automl.errors import EvidenceError
from automl.priors import PRIORS, Defects, PriorOptions, Rate, build_prior, prior_options
from automl.priors.distances import by_distance
from automl.testing import World
from automl.values import TaskView

WORLD = World()
SYSTEM = {"cores": 8.0, "memory_bytes": 3.2e10}
STORE = [
    replace(item, system=SYSTEM, series=f"{item.task}/{place % 4}")
    for place, item in enumerate(WORLD.evidence([1, 2, 3, 4], 40))
]
TARGET = TaskView("task-0", WORLD.metafeatures(0), SYSTEM, WORLD.limits)
GOOD = {item.id for item in STORE if item.is_positive}
BAD = {item.id for item in STORE if item.is_negative(WORLD.limits)}


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("defects", [Defects(), Defects.reference()], ids=["mended", "published"])
def test_every_prior_of_the_result_files_builds_and_moves(name: str, defects: Defects) -> None:
    options = prior_options(name, defects)
    prior = build_prior(WORLD.space, STORE, TARGET, options)
    alphas = dict(prior.weights)
    line = PRIORS[name]
    assert bool(GOOD & set(alphas)) == ("no-pos" not in line)
    without = "neg" not in line and "knn" not in line
    expected = not without and ("no-neg" not in line or defects.no_neg_means_neg)
    assert bool(BAD & set(alphas)) == expected
    assert all(alphas[key] <= 0 for key in BAD & set(alphas))
    fresh = build_prior(WORLD.space, [], TARGET, options)
    assert prior.distributions()["language_model"] != fresh.distributions()["language_model"]
    sampler = {"defects": defects.names()}
    [proposal] = Engine(WORLD.space, "pge", prior=prior, options=sampler).ask()
    assert WORLD.space.contains(proposal.pipeline)


def test_a_line_says_what_the_table_says() -> None:
    found = prior_options("sst-2/high-median")
    assert found.positive == Rate("adaptive", 1.0)
    assert found.negative == Rate("fixed", 0.02)
    assert (found.metric, found.beta_scale, found.utility) == ("euclidean", 0.5, "weighted_sum_v1")
    assert (found.k_positive, found.k_negative, found.scales) == (10_000, 10_000, ("standard",))
    assert found.defects == Defects()
    assert prior_options("k=0.5 a-pos weighted_sum f-neg euc") == found
    assert prior_options("f-pos f-neg", Defects.reference()) == PriorOptions.reference()
    second = prior_options("squad/low-max")
    assert (second.metric, second.utility, second.scales) == ("cosine", "weighted_sum_v2", ("log", "min_max"))
    assert dict(second.parts) == {"system": 0.3, "meta": 0.4, "semantic": 0.3}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "names: low-liar"),
        ("f-pos magic", "'magic' is unknown"),
        ("f-pos a-pos", "says pos twice: 'f-pos' and 'a-pos'"),
        ("f-pos k=far", "needs a number, got 'far'"),
        ("knn=some", "whole number, got 'some'"),
        ("knn=25 f-pos", "stands alone"),
        ("knn=0", "memory_k must be >= 1"),
    ],
)
def test_a_wrong_line_is_told_why(line: str, words: str) -> None:
    with pytest.raises(EvidenceError, match=words):
        prior_options(line)


def test_the_memory_baseline_takes_the_nearest_good_and_the_farthest_bad() -> None:
    alphas = dict(build_prior(WORLD.space, STORE, TARGET, prior_options("knn=4")).weights)
    assert sorted(alphas.values()) == pytest.approx([-0.25] * 4 + [0.25] * 4)

    def task(key: str) -> int:
        return int(key.partition("-")[0])

    # Features are not normalised, so the number of rows decides: 40 more with each task.
    taken = sorted(task(key) for key in alphas if alphas[key] < 0)
    assert taken == sorted(map(task, BAD))[-4:]
    assert {task(key) for key in alphas if alphas[key] > 0} <= {1, 2}
    assert build_prior(WORLD.space, [], TARGET, prior_options("knn=10")).weights == []


def test_the_memory_baseline_survives_few_and_equal_runs() -> None:
    alike = [replace(item, metafeatures=WORLD.metafeatures(1)) for item in STORE if item.id in GOOD][:3]
    prior = build_prior(WORLD.space, alike, TARGET, prior_options("knn-25"))
    assert sorted(dict(prior.weights).values()) == pytest.approx([1 / 25] * 3)
    timeless = [replace(item, seconds=None) for item in alike]
    assert len(build_prior(WORLD.space, timeless, TARGET, prior_options("knn-25")).weights) == 3


def test_parts_are_measured_apart_and_weighed() -> None:
    rng = np.random.default_rng(0)
    others = {
        name: {
            "instances": float(rows),
            "system.cores": float(cores),
            "semantic.0": float(rng.normal()),
            "semantic.1": float(rng.normal()),
        }
        for name, rows, cores in (("a", 100, 8), ("b", 200, 16), ("c", 900, 64))
    }
    target = others["a"] | {"instances": 120.0}
    options = PriorOptions(parts=(("system", 0.3), ("meta", 0.4), ("semantic", 0.3)))
    found = by_distance(target, others, options)
    assert next(one.task for one in found) == "a"
    for one in found:
        assert sum(one.parts.values()) == pytest.approx(one.distance)
    alone = {
        part: {
            one.task: one.distance
            for one in by_distance(target, others, replace(options, parts=((part, 1.0),)))
        }
        for part in ("meta", "system", "semantic")
    }
    for one in found:
        whole = (
            0.3 * alone["system"][one.task]
            + 0.4 * alone["meta"][one.task]
            + 0.3 * alone["semantic"][one.task]
        )
        assert one.distance == pytest.approx(whole)


def test_a_part_that_the_target_lacks_is_left_out() -> None:
    others = {"a": {"instances": 100.0, "system.cores": 8.0}, "b": {"instances": 300.0, "system.cores": 2.0}}
    options = PriorOptions(parts=(("system", 0.3), ("meta", 0.4), ("semantic", 0.3)))
    only = replace(options, parts=(("meta", 1.0),))
    target = {"instances": 120.0}
    assert by_distance(target, others, options) == by_distance(target, others, only)
    assert {one.distance for one in by_distance({}, others, options)} == {0.0}


def test_a_least_score_leaves_weak_successes_out() -> None:
    weak = {item.id for item in STORE if item.is_positive and (item.score or 0) < 0.5}
    assert weak
    options = replace(prior_options("f-pos f-neg"), least_score=0.5)
    assert not weak & set(dict(build_prior(WORLD.space, STORE, TARGET, options).weights))


@pytest.mark.parametrize(
    "wrong", [{"parts": (("magic", 1.0),)}, {"parts": (("meta", -1.0),)}, {"parts": (("meta", 0.0),)}]
)
def test_wrong_parts_are_named(wrong: dict[str, tuple[tuple[str, float], ...]]) -> None:
    with pytest.raises(EvidenceError, match="part"):
        PriorOptions(**wrong)  # type: ignore[arg-type]
