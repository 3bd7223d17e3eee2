"""What a store says of scores on a new task: a process over pipelines and tasks.

Knows described pipelines, tasks by number and logits of scores; knows no space and no search.

    z        scores as the process sees them: (logit - a task's middle) / a task's upper spread
    known    the store's n runs
    near     (t, t) how near its tasks are, in [0, 1]; `to_target` (t,) how near each is to the task of the search
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.estimators.features import Matrix, Vector
from automl.estimators.kernels import NEAR, SHARED, TREND, Described, Shares, fitted, parts_of

#: Bounds of z: how bad a bad run was says nothing of where good ones are.
LOWEST, HIGHEST = -1.2, 2.5
#: At most so many runs of the store are conditioned on, and so many tell the shares apart.
MOST_RUNS, SHARE_RUNS, SHARE_ROUNDS = 1000, 450, 15
#: A task needs so many successes to have a middle and a spread of its own.
LEAST_SUCCESSES = 6
MOST_SHARED = 0.9


def logit(scores: Vector) -> Vector:
    """ln odds, of scores kept a little away from 0 and 1."""
    kept = np.clip(scores, 0.01, 0.995)
    return np.asarray(np.log(kept / (1 - kept)))


def score_of(logits: Vector) -> Vector:
    """The inverse, in (0, 1)."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))))


@dataclass(frozen=True)
class Known:
    """Successes of the store: described, whose they are, and logits of their scores, as they are with all rows."""

    described: Described
    tasks: NDArray[np.int64]
    logits: Vector


@dataclass(frozen=True)
class Scale:
    """What a task's middle and upper spread usually are, in logits."""

    middle: float = 0.0
    middle_spread: float = 1.0
    width: float = 1.1


@dataclass
class Store:
    """The store's runs, solved once; `agreement` is how well a task left out is ranked by the others."""

    rows: NDArray[np.int64]
    """Which of the known runs it is made of."""
    described: Described
    weights: Matrix
    """(p, n) the variance of each part between the target and each run."""
    inverse: Matrix
    """(n, n) of the factor of their covariance."""
    solved: Vector
    shares: Shares
    scale: Scale
    agreement: float

    def cross(self, others: Described, parts: NDArray[np.float64] | None = None) -> Matrix:
        """(n, m) covariances of the store's runs with others on the target."""
        found = parts_of(self.described, others) if parts is None else parts
        return np.asarray(np.einsum("pnm,pn->nm", found, self.weights, optimize=True))


def known_of(described: Described, tasks: NDArray[np.int64], scores: Vector) -> Known:
    """Successes by their scores; those of a fraction of the rows as high as they would usually be with all of them."""
    return Known(described, tasks, logit(scores) - TREND * described.fraction)


def trend(described: Described, scale: Scale) -> Vector:
    """(n,) z that each usually has less than with all rows, so 0 or less."""
    return np.asarray(TREND * described.fraction / scale.width)


def build(known: Known, near: Matrix, to_target: Vector) -> Store | None:
    """The store, solved; None when fewer than two tasks have scores enough.

    `near` (t, t) and `to_target` (t,) are how near tasks are, in [0, 1].
    """
    kept, values, scale = _standard(known)
    if len(np.unique(known.tasks[kept])) < 2:
        return None
    rows = _evenly(kept, known.tasks, MOST_RUNS)
    some = _evenly(kept, known.tasks, SHARE_RUNS)
    shares = fitted(known.described.take(some), known.tasks[some], near, values[some], SHARE_ROUNDS)
    agreement = _agreement(known, some, values, near, shares)
    shares = shares.capped(MOST_SHARED)
    described, tasks = known.described.take(rows), known.tasks[rows]
    covariance = _covariance(described, tasks, near, shares)
    weights = shares.parts[:, SHARED][:, None] + shares.parts[:, NEAR][:, None] * to_target[tasks][None, :]
    factor = np.linalg.cholesky(covariance)
    inverse = np.linalg.inv(factor)
    return Store(rows, described, weights, inverse, inverse @ values[rows], shares, scale, agreement)


def _standard(known: Known) -> tuple[NDArray[np.int64], Vector, Scale]:
    """Rows of tasks with scores enough, z of all rows, and what middles and widths are usual."""
    values, kept = np.zeros(len(known.logits)), np.zeros(len(known.logits), dtype=bool)
    middles, widths = [], []
    for task in np.unique(known.tasks):
        own = known.tasks == task
        logits = known.logits[own]
        middle = float(np.median(logits))
        width = float(np.quantile(logits, 0.9)) - middle
        if len(logits) < LEAST_SUCCESSES or width <= 1e-6:
            continue
        values[own] = np.clip((logits - middle) / width, LOWEST, HIGHEST)
        kept |= own
        middles.append(middle)
        widths.append(width)
    if not middles:
        return np.flatnonzero(kept), values, Scale()
    spread = float(np.std(middles)) if len(middles) > 1 else 1.0
    width = math.exp(float(np.mean(np.log(widths))))
    return np.flatnonzero(kept), values, Scale(float(np.mean(middles)), max(spread, 0.3), width)


def _evenly(kept: NDArray[np.int64], tasks: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of the rows, every task in equal parts."""
    if len(kept) <= most:
        return kept
    names = np.unique(tasks[kept])
    each = most // len(names)
    found = [_some(kept[tasks[kept] == task], each) for task in names]
    return np.sort(np.concatenate(found))


def _some(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return rows[np.arange(most) * len(rows) // most]


def _covariance(described: Described, tasks: NDArray[np.int64], near: Matrix, shares: Shares) -> Matrix:
    parts = parts_of(described, described)
    same = (tasks[:, None] == tasks[None, :]).astype(float)
    close = near[tasks[:, None], tasks[None, :]]
    found = np.zeros_like(same)
    for layer, task_part in enumerate((np.ones_like(same), close, same)):
        found += np.einsum("pnm,p->nm", parts, shares.parts[:, layer], optimize=True) * task_part
    found[np.diag_indices(len(found))] += shares.noise
    return np.asarray(found)


def _agreement(known: Known, rows: NDArray[np.int64], values: Vector, near: Matrix, shares: Shares) -> float:
    """Median rank correlation, over tasks left out, of what the others say with what happened."""
    tasks, described = known.tasks[rows], known.described.take(rows)
    whole = _covariance(described, tasks, near, shares)
    found = []
    for task in np.unique(tasks):
        own = tasks == task
        if own.sum() < LEAST_SUCCESSES or own.all():
            continue
        solved = np.linalg.solve(whole[np.ix_(~own, ~own)], values[rows][~own])
        found.append(_rank_correlation(whole[np.ix_(own, ~own)] @ solved, values[rows][own]))
    return float(np.median(found)) if found else 0.0


def _rank_correlation(a: Vector, b: Vector) -> float:
    if np.ptp(a) < 1e-12 or np.ptp(b) < 1e-12:
        return 0.0
    first, second = (np.argsort(np.argsort(each, kind="stable"), kind="stable") for each in (a, b))
    return float(np.corrcoef(first, second)[0, 1])


def nearness(distances: Matrix | Vector, length: float) -> Matrix:
    """How near tasks are, in (0, 1], from their distances; `length` where it has dropped to 0.61."""
    return np.asarray(np.exp(-0.5 * (np.asarray(distances) / max(length, 1e-9)) ** 2))


def usual_length(distances: Matrix) -> float:
    """A length that tells tasks apart: half of the median distance between two of them."""
    apart = distances[np.triu_indices(len(distances), 1)]
    return 0.5 * float(np.median(apart)) if len(apart) and np.median(apart) > 0 else 1.0
