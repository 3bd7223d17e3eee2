"""Small models from columns to one number with its deviation, made of nothing but arrays.

They know columns and targets; they know no pipeline and no task. A model is a frozen dataclass of arrays and
numbers, so that a snapshot needs no code of its own.

    x  (n, c) standardised columns    y  (n,) targets, for `Logistic` 0 or 1
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from automl.estimators.features import Matrix, Vector

PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
LOGISTIC_PENALTY, LOGISTIC_STEPS = 3.0, 12
NEIGHBOURS, NEIGHBOUR_DOUBT = 7, 0.5
LEAST_NOISE = 0.02


class Regressor(Protocol):
    """A fitted model."""

    def predict(self, x: Matrix) -> tuple[Vector, Vector]:
        """(n,) mean and deviation of what is not known of the mean (no noise of a single run)."""


class Fitter(Protocol):
    """How a model is made of a table."""

    def __call__(self, x: Matrix, y: Vector, seed: int) -> Regressor: ...


@dataclass(frozen=True)
class Constant:
    """The same for everything."""

    value: float
    deviation: float

    def predict(self, x: Matrix) -> tuple[Vector, Vector]:
        return np.full(len(x), self.value), np.full(len(x), self.deviation)


def fit_constant(x: Matrix, y: Vector, seed: int) -> Constant:
    """The mean; `seed` is of no use to it."""
    return Constant(float(y.mean()), float(y.std() / math.sqrt(len(y))) + 1e-6)


def fit_rate(y: Vector) -> Constant:
    """A rate that is not 0 because nothing was seen yet."""
    rate = (float(y.sum()) + 0.5) / (len(y) + 1)
    return Constant(rate, math.sqrt(rate * (1 - rate) / (len(y) + 2)))


@dataclass(frozen=True)
class Ridge:
    """A linear model with a normal prior; the penalty is the one that makes the targets likeliest."""

    mean: Vector
    covariance: Matrix

    def predict(self, x: Matrix) -> tuple[Vector, Vector]:
        rows = _with_one(x)
        return rows @ self.mean, np.sqrt(np.maximum(((rows @ self.covariance) * rows).sum(axis=1), 0.0))


def _with_one(x: Matrix) -> Matrix:
    return np.hstack([x, np.ones((len(x), 1))])


def fit_ridge(x: Matrix, y: Vector, seed: int) -> Ridge:
    """Penalty by generalised cross-validation (Golub, Heath, Wahba 1979); it needs no `seed`."""
    rows, middle = _with_one(x), float(y.mean())
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    turned = left.T @ (y - middle)
    best: tuple[float, float] | None = None
    for penalty in PENALTIES:
        kept = singular**2 / (singular**2 + penalty)
        wrong = (y - middle) - left @ (kept * turned)
        free = max(len(y) - float(kept.sum()), 1.0)
        found = len(y) * float(wrong @ wrong) / free**2
        if best is None or found < best[0]:
            best = (found, penalty)
    noise, penalty = best or (1.0, 1.0)
    slopes = right.T @ (singular / (singular**2 + penalty) * turned)
    covariance = (right.T * (noise / (singular**2 + penalty))) @ right
    slopes[-1] += middle
    return Ridge(slopes, covariance)


@dataclass(frozen=True)
class Logistic:
    """ln odds that are linear in the columns, with the covariance of their slopes (Laplace)."""

    mean: Vector
    covariance: Matrix

    def predict(self, x: Matrix) -> tuple[Vector, Vector]:
        rows = _with_one(x)
        odds = np.clip(rows @ self.mean, -30, 30)
        unsure = np.maximum(((rows @ self.covariance) * rows).sum(axis=1), 0.0)
        chance = 1 / (1 + np.exp(-odds / np.sqrt(1 + np.pi / 8 * unsure)))
        return chance, chance * (1 - chance) * np.sqrt(unsure)


def fit_logistic(x: Matrix, y: Vector, seed: int) -> Logistic:
    """Newton steps on the penalised likelihood; it needs no `seed`."""
    rows = _with_one(x)
    penalty = np.diag([*([LOGISTIC_PENALTY] * x.shape[1]), 0.05])
    slopes, hessian = np.zeros(rows.shape[1]), penalty
    slopes[-1] = math.log((y.sum() + 0.5) / (len(y) - y.sum() + 0.5))
    for _ in range(LOGISTIC_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(rows @ slopes, -30, 30)))
        hessian = (rows * (chance * (1 - chance))[:, None]).T @ rows + penalty
        step = np.linalg.solve(hessian, rows.T @ (y - chance) - penalty @ slopes)
        slopes = slopes + step * min(1.0, 3.0 / max(float(np.abs(step).max()), 1e-9))
    return Logistic(slopes, np.linalg.inv(hessian))


@dataclass(frozen=True)
class Neighbours:
    """The nearest rows of the table, weighted by how near they are."""

    x: Matrix
    y: Vector

    def predict(self, x: Matrix) -> tuple[Vector, Vector]:
        squares = (x**2).sum(axis=1)[:, None] + (self.x**2).sum(axis=1)[None, :] - 2 * x @ self.x.T
        count = min(NEIGHBOURS, len(self.y))
        # A stable order, so that equally near rows are always the same ones.
        rows = np.argsort(np.maximum(squares, 0.0), axis=1, kind="stable")[:, :count]
        far = np.maximum(np.take_along_axis(squares, rows, axis=1), 0.0)
        weights = 1 / (far + NEIGHBOUR_DOUBT)
        weights /= weights.sum(axis=1, keepdims=True)
        said = self.y[rows]
        mean = (weights * said).sum(axis=1)
        spread = np.sqrt((weights * (said - mean[:, None]) ** 2).sum(axis=1))
        return mean, spread / math.sqrt(count) + LEAST_NOISE


def fit_neighbours(x: Matrix, y: Vector, seed: int) -> Neighbours:
    """The table itself; it needs no `seed`."""
    return Neighbours(x, y)
