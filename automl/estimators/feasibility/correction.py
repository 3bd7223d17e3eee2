"""By how much counted parts are off: ln y = ln(sum of exp(theta) x part) + extras x beta, fitted to runs.

Knows numbers and groups; knows no pipeline. Both have a mean of 0 before any run, so that without experience
the counts stand as they are. Gauss-Newton steps find the likeliest values; runs that fit badly count less (a
Student t with 4 degrees), runs that were stopped say "at least so much".

    parts   (n, k) >= 0    extras  (n, p)    logs  (n,) natural logarithms    least  (n,) which were stopped
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.estimators.features import Matrix, Vector

#: How far off a usual constant may be (ln), and the spread of one run before any was seen.
THETA_SPREAD, RUN_SPREAD = 0.8, 0.35
ROUNDS, STUDENT, LEAST_SPREAD = 25, 4.0, 0.03
LONGEST_STEP = 0.7
#: At most so many groups are left out in turn to see how far off the corrections are on an unseen one.
CHECKED_GROUPS = 8
DOUBT_RUNS = 8.0
TINY = 1e-12


@dataclass(frozen=True)
class Told:
    """What a correction is fitted to."""

    parts: Matrix
    extras: Matrix
    logs: Vector
    least: NDArray[np.bool_]
    groups: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_]) -> Told:
        """Some of them."""
        return Told(self.parts[rows], self.extras[rows], self.logs[rows], self.least[rows], self.groups[rows])


@dataclass(frozen=True)
class Correction:
    """theta then beta: mean (k + p,), covariance, and the spread of one run of an unseen group (ln)."""

    mean: Vector
    covariance: Matrix
    spread: float

    def predict(self, parts: Matrix, extras: Matrix) -> tuple[Vector, Vector]:
        """(n,) ln y and its deviation."""
        logs, slopes = _forward(self.mean, parts, extras)
        unsure = ((slopes @ self.covariance) * slopes).sum(axis=1)
        return logs, np.sqrt(np.maximum(unsure, 0.0) + self.spread**2)


def _forward(values: Vector, parts: Matrix, extras: Matrix) -> tuple[Vector, Matrix]:
    scaled = parts * np.exp(values[: parts.shape[1]])
    whole = scaled.sum(axis=1) + TINY
    slopes = np.hstack([scaled / whole[:, None], extras])
    return np.log(whole) + extras @ values[parts.shape[1] :], slopes


def uncorrected(parts: int, extras: int, width: float) -> Correction:
    """What is believed before any run; `width` is how much an extra may matter (ln)."""
    widths = np.concatenate([np.full(parts, THETA_SPREAD), np.full(extras, width)])
    return Correction(np.zeros(parts + extras), np.diag(widths**2), RUN_SPREAD)


def fit_correction(told: Told, width: float) -> Correction:
    """The likeliest correction; its spread covers groups that were left out in turn."""
    found = _fit(told, width)
    groups = np.unique(told.groups)
    if len(groups) < 2:
        return found
    step = max(1, len(groups) // CHECKED_GROUPS)
    squares: list[float] = []
    for group in groups[::step][:CHECKED_GROUPS]:
        own = told.groups == group
        logs, deviation = _fit(told.take(~own), width).predict(told.parts[own], told.extras[own])
        ended = ~told.least[own]
        squares += (((told.logs[own] - logs) / deviation)[ended] ** 2).clip(0, 25).tolist()
    worse = math.sqrt((sum(squares) + DOUBT_RUNS) / (len(squares) + DOUBT_RUNS))
    return Correction(found.mean, found.covariance, found.spread * max(1.0, worse))


def _fit(told: Told, width: float) -> Correction:
    start = uncorrected(told.parts.shape[1], told.extras.shape[1], width)
    if not len(told.logs):
        return start
    prior = np.diag(1 / np.diag(start.covariance))
    values, spread, hessian = start.mean.copy(), RUN_SPREAD, prior
    for _ in range(ROUNDS):
        logs, slopes = _forward(values, told.parts, told.extras)
        wrong = told.logs - logs
        silent = told.least & (wrong <= 0)  # predicted to take longer than it was let: nothing to mend
        weights = np.where(silent, 0.0, (STUDENT + 1) / (STUDENT + (wrong / spread) ** 2))
        hessian = (slopes * weights[:, None]).T @ slopes / spread**2 + prior
        step = np.linalg.solve(hessian, slopes.T @ (weights * wrong) / spread**2 - prior @ values)
        values = values + step * min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), TINY))
        known = ~told.least
        if known.sum() > 3:
            heard = weights[known]
            spread = math.sqrt(float((heard * wrong[known] ** 2).sum() + RUN_SPREAD**2) / (known.sum() + 1))
            spread = max(spread, LEAST_SPREAD)
    return Correction(values, np.asarray(np.linalg.inv(hessian), dtype=float), spread)
