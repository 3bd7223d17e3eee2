"""Distances between tasks: normalised together, missing is the mean, parts sum up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.errors import EvidenceError
from automl.neighbours import METRICS, SCALES, between, distances, nearest, scaled

numbers = st.floats(-1e6, 1e6)
tasks = st.dictionaries(
    st.text("abc", min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(["x", "y", "z"]), st.none() | numbers),
    max_size=6,
)


@given(
    tasks, st.dictionaries(st.sampled_from(["x", "y"]), st.none() | numbers), st.sampled_from(sorted(METRICS))
)
def test_parts_sum_to_the_distance_or_its_square(
    others: dict[str, dict[str, float | None]], target: dict[str, float | None], metric: str
) -> None:
    found = nearest(target, others, metric=metric)
    assert sorted(item.task for item in found) == sorted(others)
    assert [item.distance for item in found] == sorted(item.distance for item in found)
    for item in found:
        whole = item.distance**2 if metric in ("euclidean", "mahalanobis") else item.distance
        assert sum(item.parts.values()) == pytest.approx(whole, rel=1e-9, abs=1e-9)
        assert all(part >= 0 for part in item.parts.values())


def test_the_same_features_are_nowhere_away() -> None:
    others: dict[str, dict[str, float | None]] = {
        "same": {"x": 3.0, "y": None},
        "other": {"x": 30.0, "y": 2.0},
    }
    found = nearest({"x": 3.0, "y": None}, others)
    assert [item.task for item in found] == ["same", "other"]
    assert found[0].distance == 0


def test_missing_is_the_mean_and_not_zero() -> None:
    others: dict[str, dict[str, float | None]] = {
        "low": {"x": 100.0},
        "high": {"x": 300.0},
        "missing": {"x": None},
    }
    found = {item.task: item.distance for item in nearest({"x": 200.0}, others, scales=["standard"])}
    assert found["missing"] == pytest.approx(0, abs=1e-6)
    assert found["low"] == pytest.approx(found["high"])


def test_a_feature_nobody_has_says_nothing() -> None:
    found = nearest({"x": 1.0, "y": None}, {"a": {"x": 2.0, "y": None}})
    assert found[0].parts["y"] == 0


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ("log", [math.log(1 + 1 + 1e-8), math.log(1 + 3 + 1e-8)]),
        ("standard", [-1 / (1 + 1e-8), 1 / (1 + 1e-8)]),
        ("min_max", [1e-8 / (2 + 2e-8), (2 + 1e-8) / (2 + 2e-8)]),
    ],
)
def test_scales_are_the_published_ones(scale: str, expected: list[float]) -> None:
    assert scaled(np.array([[1.0], [3.0]]), [scale])[:, 0] == pytest.approx(expected, rel=1e-12)
    assert set(SCALES) == {"log", "standard", "min_max"}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("euclidean", 5.0),
        ("manhattan", 7.0),
        ("cosine", 1.0),
        ("minkowski", (27 + 64) ** (1 / 3)),
        ("chebyshev", 4.0),
        ("mahalanobis", 5.0),  # two tasks tell no covariance of two features
    ],
)
def test_metrics(metric: str, expected: float) -> None:
    target = np.array([3.0, 0.0])
    others = np.array([[0.0, 4.0]])
    assert distances(target, others, scales=(), metric=metric)[0] == pytest.approx([expected])


def test_mahalanobis_is_the_inverse_covariance_of_all_tasks() -> None:
    rng = np.random.default_rng(3)
    everyone = rng.normal(size=(9, 3)) @ rng.normal(size=(3, 3))
    found, parts = distances(everyone[-1], everyone[:-1], scales=(), metric="mahalanobis")
    inverse = np.linalg.inv(np.cov(everyone, rowvar=False) + 1e-6 * np.eye(3))
    gaps = everyone[:-1] - everyone[-1]
    assert found**2 == pytest.approx(np.einsum("ni,ij,nj->n", gaps, inverse, gaps))
    assert parts.shape == gaps.shape
    names = {str(row): dict(enumerate(values)) for row, values in enumerate(everyone)}
    features = {task: {str(key): float(value) for key, value in row.items()} for task, row in names.items()}
    whole = between(features, ["8", "0"], scales=(), metric="mahalanobis")
    assert whole[0, 1] == pytest.approx(found[0])


def test_k_and_ties_by_name() -> None:
    others = {name: {"x": 1.0} for name in ("c", "a", "b")}
    assert [item.task for item in nearest({"x": 1.0}, others, 2)] == ["a", "b"]
    assert nearest({"x": 1.0}, {}, 2) == []


@pytest.mark.parametrize(
    ("target", "others", "more", "word"),
    [
        (np.zeros(2), np.zeros((3, 4)), {}, "must be"),
        (np.zeros(2), np.zeros((3, 2)), {"metric": "magic"}, "magic"),
        (np.zeros(2), np.zeros((3, 2)), {"scales": ["magic"]}, "magic"),
        (np.array([1.0, np.inf]), np.zeros((3, 2)), {}, "infinite"),
    ],
)
def test_what_is_wrong_is_said(
    target: np.ndarray, others: np.ndarray, more: dict[str, object], word: str
) -> None:
    with pytest.raises(EvidenceError, match=word):
        distances(target, others, **more)  # type: ignore[arg-type]
