"""How likely a pipeline runs out of memory, or dies of its own errors.

Knows memory features and counts; knows no seconds (a timeout follows from those). Memory is a logistic model
around first principles, fitted by Newton steps; other errors are counted per method and language model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from automl.estimators.features import MEMORY, Matrix, Vector

#: First principles: the odds of dying rise with the third power of the estimate's share of the limit.
SLOPE, SLOPE_SPREAD, INTERCEPT_SPREAD, OTHER_SPREAD = 3.0, 1.5, 2.0, 0.7
STEPS = 6
#: Errors that come about by chance, and how many runs that opinion is worth.
ERROR_RATE, ERROR_RUNS = 0.03, 12.0


@dataclass
class MemoryModel:
    """Mean and covariance of the slopes of ln odds."""

    mean: Vector
    covariance: Matrix

    def chance(self, features: Matrix) -> Vector:
        """(n,) the probability of running out of memory, uncertainty of the slopes included."""
        spread = ((features @ self.covariance) * features).sum(axis=1)
        return _sigmoid(features @ self.mean / np.sqrt(1 + np.pi / 8 * np.maximum(spread, 0)))


def memory_opinion(methods: int) -> tuple[Vector, Vector]:
    """Mean and spread of the slopes before any run."""
    mean = np.zeros(len(MEMORY) + methods)
    spread = np.full(len(MEMORY) + methods, OTHER_SPREAD)
    mean[MEMORY.index("memory")], spread[MEMORY.index("memory")] = SLOPE, SLOPE_SPREAD
    spread[0] = INTERCEPT_SPREAD
    return mean, spread


def fit_memory(
    features: Matrix, died: NDArray[np.bool_], weights: Vector, methods: int, start: Vector | None = None
) -> MemoryModel:
    """The likeliest slopes, and how sure they are (Laplace); `start` is where to begin."""
    mean, spread = memory_opinion(methods)
    precision, slopes = np.diag(spread**-2.0), mean.copy() if start is None else start.copy()
    hessian = precision
    for _ in range(STEPS if len(features) else 0):
        chance = _sigmoid(features @ slopes)
        steep = weights * chance * (1 - chance)
        hessian = precision + (features * steep[:, None]).T @ features
        slope = features.T @ (weights * (died - chance)) - precision @ (slopes - mean)
        step = np.linalg.solve(hessian, slope)
        slopes = slopes + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-9))
    return MemoryModel(slopes, np.asarray(np.linalg.inv(hessian), dtype=float))


def left_out_auc(features: Matrix, died: NDArray[np.bool_], tasks: NDArray[np.int64], methods: int) -> float:
    """How well deaths on a task are ranked by the other tasks: median area under the curve, 0.5 is chance."""
    found = []
    for task in np.unique(tasks):
        own = tasks == task
        if not 0 < died[own].sum() < own.sum() or own.all():
            continue
        model = fit_memory(features[~own], died[~own], np.ones(int((~own).sum())), methods)
        found.append(auc(features[own] @ model.mean, died[own]))
    return float(np.median(found)) if found else 0.5


def auc(values: Vector, positive: NDArray[np.bool_]) -> float:
    """The chance that a positive stands above a negative; ties count half."""
    ahead = values[positive][:, None] - values[~positive][None, :]
    return float((np.sign(ahead).mean() + 1) / 2) if ahead.size else 0.5


def _sigmoid(values: Vector) -> Vector:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))))


@dataclass
class ErrorRates:
    """Counts of the pipelines' own errors, by name of a method or language model."""

    runs: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)

    def count(self, names: Sequence[str], died: bool, weight: float = 1.0) -> None:
        """One run of these names."""
        for name in names:
            self.runs[name] = self.runs.get(name, 0.0) + weight
            self.errors[name] = self.errors.get(name, 0.0) + weight * died

    def rate(self, names: Sequence[str]) -> float:
        """The highest rate among the names, each pulled towards the usual one."""
        usual = ERROR_RATE * ERROR_RUNS
        return max(
            (
                (self.errors.get(name, 0.0) + usual) / (self.runs.get(name, 0.0) + ERROR_RUNS)
                for name in names
            ),
            default=ERROR_RATE,
        )

    def copy(self) -> ErrorRates:
        return ErrorRates(dict(self.runs), dict(self.errors))
