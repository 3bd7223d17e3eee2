"""Distances between tasks by their meta-features, and the nearest ones.

Knows no store: meta-features are named numbers, None where missing. Start at `nearest`; `distances` takes
arrays.

    target  (f,)     the features of one task
    others  (n, f)   the features of n tasks
    parts   (n, f)   what each feature adds; they sum to the distance, or to its square where that is
    Euclidean or Mahalanobis
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.errors import EvidenceError
from automl.values import Features

Matrix = NDArray[np.float64]

#: Keeps logarithms and divisions defined, as in the reference.
TINY = 1e-8
#: Keeps a covariance invertible, as in the reference.
RIDGE = 1e-6
MINKOWSKI_ORDER = 3


@dataclass(frozen=True)
class Neighbour:
    """A task, how far it is (>= 0, no unit) and what each feature adds to that."""

    task: str
    distance: float
    parts: Mapping[str, float]


def _log(matrix: Matrix) -> Matrix:
    """ln(1 + x); mirrored below zero, where the reference has no value."""
    return np.asarray(np.sign(matrix) * np.log(1 + np.abs(matrix) + TINY))


def _standard(matrix: Matrix) -> Matrix:
    middle = _column_mean(matrix)
    spread = np.sqrt(_column_mean((matrix - middle) ** 2))
    return np.asarray((matrix - middle) / (spread + TINY))


def _min_max(matrix: Matrix) -> Matrix:
    low = np.min(np.where(np.isnan(matrix), np.inf, matrix), axis=0)
    high = np.max(np.where(np.isnan(matrix), -np.inf, matrix), axis=0)
    low, high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)
    return np.asarray((matrix - low + TINY) / (high - low + 2 * TINY))


def _column_mean(matrix: Matrix) -> Matrix:
    """The mean of what is there, 0 for a column without a value."""
    there = ~np.isnan(matrix)
    total = np.where(there, matrix, 0.0).sum(axis=0)
    return np.asarray(total / np.maximum(there.sum(axis=0), 1))


#: Normalisers by name, applied to all tasks at once; a missing value stays missing.
SCALES: Mapping[str, Callable[[Matrix], Matrix]] = {"log": _log, "standard": _standard, "min_max": _min_max}
#: Counts and lengths span orders of magnitude, so logarithms first; then every feature weighs the same.
DEFAULT_SCALES = ("log", "standard")


def scaled(matrix: Matrix, scales: Sequence[str] = DEFAULT_SCALES) -> Matrix:
    """(n, f) normalised in the listed order; then a missing value becomes its column's mean, never zero.

    EvidenceError for an unknown scale.
    """
    if unknown := [name for name in scales if name not in SCALES]:
        raise EvidenceError(f"scale {unknown[0]!r} is unknown; use some of {sorted(SCALES)}")
    for name in scales:
        matrix = SCALES[name](matrix)
    return np.where(np.isnan(matrix), _column_mean(matrix), matrix)


def _euclidean(target: Matrix, others: Matrix) -> tuple[Matrix, Matrix]:
    parts = (others - target) ** 2
    return np.sqrt(parts.sum(axis=1)), parts


def _manhattan(target: Matrix, others: Matrix) -> tuple[Matrix, Matrix]:
    parts = np.abs(others - target)
    return parts.sum(axis=1), parts


def _cosine(target: Matrix, others: Matrix) -> tuple[Matrix, Matrix]:
    """1 - cos, written as half the squared distance of the unit vectors so that features have parts."""
    parts = (_unit(others) - _unit(target[None, :])) ** 2 / 2
    return parts.sum(axis=1), parts


def _unit(rows: Matrix) -> Matrix:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), TINY))


def _minkowski(target: Matrix, others: Matrix) -> tuple[Matrix, Matrix]:
    """Of order 3, as the reference has it; each part is its share of the sum of cubes."""
    cubes = np.abs(others - target) ** MINKOWSKI_ORDER
    whole = cubes.sum(axis=1)
    far = whole ** (1 / MINKOWSKI_ORDER)
    return far, np.asarray(cubes * (far / np.where(whole > 0, whole, 1.0))[:, None])


def _chebyshev(target: Matrix, others: Matrix) -> tuple[Matrix, Matrix]:
    """The largest difference: one feature is all of it, the first of equals."""
    gaps = np.abs(others - target)
    if not gaps.shape[1]:
        return np.zeros(len(gaps)), gaps
    largest = np.argmax(gaps, axis=1)[:, None]
    parts = np.zeros_like(gaps)
    np.put_along_axis(parts, largest, np.take_along_axis(gaps, largest, axis=1), axis=1)
    return parts.sum(axis=1), parts


#: "mahalanobis" is Euclidean among whitened tasks (see `placed`), so that features that go together count once.
METRICS: Mapping[str, Callable[[Matrix, Matrix], tuple[Matrix, Matrix]]] = {
    "euclidean": _euclidean,
    "manhattan": _manhattan,
    "cosine": _cosine,
    "minkowski": _minkowski,
    "chebyshev": _chebyshev,
    "mahalanobis": _euclidean,
}


def placed(matrix: Matrix, scales: Sequence[str] = DEFAULT_SCALES, metric: str = "euclidean") -> Matrix:
    """(n, f) where the metric measures: normalised, and for "mahalanobis" whitened by their own covariance.

    The covariance gets `RIDGE` on its diagonal, and tells nothing where there are no more tasks than features: then
    the distance is the Euclidean one. Source: XAutoLM, second version. EvidenceError for an unknown scale.
    """
    points = scaled(matrix, scales)
    count, features = points.shape
    if metric != "mahalanobis" or count <= features or not features:
        return points
    spread = np.atleast_2d(np.cov(points, rowvar=False)) + RIDGE * np.eye(features)
    values, vectors = np.linalg.eigh(spread)
    return np.asarray(points @ (vectors / np.sqrt(values)) @ vectors.T)


def distances(
    target: Matrix, others: Matrix, *, scales: Sequence[str] = DEFAULT_SCALES, metric: str = "euclidean"
) -> tuple[Matrix, Matrix]:
    """Distances (n,) and parts (n, f) from one task to n others, all normalised together.

    NaN is missing. EvidenceError for shapes that do not fit, infinite values, or an unknown scale or metric.
    """
    if others.ndim != 2 or target.shape != others.shape[1:]:
        raise EvidenceError(f"target {target.shape} and others {others.shape} must be (f,) and (n, f)")
    if metric not in METRICS:
        raise EvidenceError(f"metric {metric!r} is unknown; use one of {sorted(METRICS)}")
    everyone = np.vstack([others, target])
    if np.isinf(everyone).any():
        raise EvidenceError("meta-features must be finite or missing, got an infinite one")
    points = placed(everyone, scales, metric)
    return METRICS[metric](points[-1], points[:-1])


def nearest(
    target: Features,
    others: Mapping[str, Features],
    k: int | None = None,
    *,
    scales: Sequence[str] = DEFAULT_SCALES,
    metric: str = "euclidean",
) -> list[Neighbour]:
    """The k nearest of `others` (all when None), nearest first, ties by name.

    `others` maps each task to its meta-features; a feature that only some have counts as missing for the
    rest.
    """
    if not others:
        return []
    names = sorted(set(target).union(*others.values()))
    rows = np.array([[features.get(name) for name in names] for features in others.values()], dtype=float)
    place = np.array([target.get(name) for name in names], dtype=float)
    far, parts = distances(place, rows.reshape(len(others), len(names)), scales=scales, metric=metric)
    tasks = list(others)
    order = sorted(range(len(tasks)), key=lambda row: (far[row], tasks[row]))
    kept = order if k is None else order[:k]
    return [_neighbour(tasks[row], float(far[row]), names, parts[row]) for row in kept]


def between(
    tasks: Mapping[str, Features],
    shown: Sequence[str] | None = None,
    *,
    scales: Sequence[str] = DEFAULT_SCALES,
    metric: str = "euclidean",
) -> Matrix:
    """(n, n) distances between the `shown` tasks (all when None, in their order), zeros on the diagonal.

    Normalised over all of `tasks`, as `nearest` does over the others and its target: the same numbers.
    """
    if not tasks:
        return np.zeros((0, 0))
    names = sorted(set().union(*tasks.values()))
    rows = np.array([[features.get(name) for name in names] for features in tasks.values()], dtype=float)
    if np.isinf(rows).any() or metric not in METRICS:
        raise EvidenceError(
            f"meta-features must be finite or missing, and {metric!r} one of {sorted(METRICS)}"
        )
    points = placed(rows.reshape(len(tasks), len(names)), scales, metric)
    order = list(tasks)
    chosen = points[[order.index(name) for name in shown]] if shown is not None else points
    return np.vstack([METRICS[metric](row, chosen)[0] for row in chosen])


def _neighbour(task: str, distance: float, names: Sequence[str], parts: Matrix) -> Neighbour:
    if not math.isfinite(distance):
        raise EvidenceError(f"the distance to task {task!r} is not finite")
    return Neighbour(task, distance, dict(zip(names, parts.tolist(), strict=True)))
