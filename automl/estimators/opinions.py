"""What a process thinks of a search's candidates, with or without a store, and how own runs change that.

Knows described pipelines and logits; knows no space, no seconds and no search.

    z        scores as the process sees them: (logit - a task's middle) / a task's upper spread
    target   a task whose middle and spread are learnt from its own runs
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.estimators.features import Matrix, Vector
from automl.estimators.kernels import TREND_SPREAD, Described, Shares, parts_of, trends_of
from automl.estimators.scores import Scale, Store, trend

#: Own upper spreads differ from what is usual by about this much (ln); those that are tried, over the usual one.
SPREAD_OF_SCALE = 0.35
SCALES = np.exp(np.linspace(-1.1, 1.1, 23))
#: How unsure it is that scores here rise with what the store says by as much as elsewhere. With 0.5 a store whose
#: ranks are turned round costs nothing (without: 4 % of hypervolume at 25), and a good one is used as well.
SLOPE_SPREAD = 0.5


@dataclass
class Placed:
    """Candidates as a head sees them: what the store says of each."""

    described: Described
    half: Matrix
    """(n, m): columns whose products are what the store explains of their covariances."""
    said: Vector
    """(m,) what it expects of them with all rows; `mean` with those that they take."""
    mean: Vector
    variance: Vector

    def take(self, rows: NDArray[np.int64] | slice) -> Placed:
        return Placed(
            self.described.take(rows),
            self.half[:, rows],
            self.said[rows],
            self.mean[rows],
            self.variance[rows],
        )

    def beside(self, other: Placed) -> Placed:
        """Both, one after the other."""
        return Placed(
            self.described.beside(other.described),
            np.hstack([self.half, other.half]),
            np.concatenate([self.said, other.said]),
            np.concatenate([self.mean, other.mean]),
            np.concatenate([self.variance, other.variance]),
        )


class Head:
    """One opinion of m candidates; own runs are added one by one.

    Without a store the shares are `USUAL` or given, and all of every part is the task's own.
    """

    def __init__(self, shares: Shares, scale: Scale, store: Store | None = None) -> None:
        self.total, self.noise, self.scale, self.store = shares.total(), shares.noise, scale, store
        self.offset = (scale.middle_spread / scale.width) ** 2

    def place(self, described: Described) -> Placed:
        """Candidates before any own run."""
        variance = np.full(len(described), float(self.total.sum()) + self.offset)
        variance += (TREND_SPREAD * described.fraction / self.scale.width) ** 2
        less = trend(described, self.scale)
        if self.store is None:
            return Placed(described, np.zeros((0, len(described))), np.zeros(len(described)), less, variance)
        half = self.store.inverse @ self.store.cross(described)
        said = half.T @ self.store.solved
        variance = variance - (half**2).sum(axis=0) + (SLOPE_SPREAD * said) ** 2
        return Placed(described, half, said, said + less, variance)

    def covariance(self, a: Placed, b: Placed) -> Matrix:
        """(n_a, n_b) on the target, given the store; its unknown middle included."""
        found = np.einsum("pnm,p->nm", parts_of(a.described, b.described), self.total, optimize=True)
        found += self.offset - a.half.T @ b.half
        found += trends_of(a.described, b.described) / self.scale.width**2
        return np.asarray(found + SLOPE_SPREAD**2 * np.outer(a.said, b.said))


class OwnRuns:
    """A head after k own successes: factor (k, k) of their covariance and its half (k, m) to m candidates.

    Candidates may be exchanged at any time; own runs are only ever added.
    """

    def __init__(self, head: Head, candidates: Placed) -> None:
        self.head, self.candidates = head, candidates
        self.own: Placed | None = None
        self.factor = np.zeros((0, 0))
        self.half = np.zeros((0, len(candidates.mean)))
        self.logits = np.zeros(0)
        self.width = head.scale.width

    def exchange(self, start: int, candidates: Placed) -> None:
        """Other candidates from place `start` on."""
        self.candidates = self.candidates.take(slice(0, start)).beside(candidates)
        self.half = np.hstack([self.half[:, :start], self._half(candidates)])

    def _half(self, candidates: Placed) -> Matrix:
        if self.own is None:
            return np.zeros((0, len(candidates.mean)))
        return np.asarray(np.linalg.solve(self.factor, self.head.covariance(self.own, candidates)))

    def add(self, run: Placed, log_odds: float) -> float:
        """One own success (m = 1); the ln density that the head gave it before."""
        row, last = self._row(run)
        expected, width = float(run.mean[0]), self.width
        if self.own is not None:
            expected += float(row @ self._surprise(width))
        z = (log_odds - self.head.scale.middle) / width
        density = -0.5 * (z - expected) ** 2 / last**2 - math.log(last * width)
        self._append(run, row, last, log_odds)
        return density

    def _row(self, run: Placed) -> tuple[Vector, float]:
        variance = float(run.variance[0]) + self.head.noise
        if self.own is None:
            return np.zeros(0), math.sqrt(max(variance, 1e-6))
        across = self.head.covariance(self.own, run)[:, 0]
        row = np.linalg.solve(self.factor, across)
        return np.asarray(row, dtype=float), math.sqrt(max(variance - float(row @ row), 1e-6))

    def _append(self, run: Placed, row: Vector, last: float, log_odds: float) -> None:
        count = len(self.factor)
        factor = np.zeros((count + 1, count + 1))
        factor[:count, :count], factor[count, :count], factor[count, count] = self.factor, row, last
        across = self.head.covariance(run, self.candidates)[0]
        fresh = (across - row @ self.half) / last
        self.factor, self.half = factor, np.vstack([self.half, fresh])
        self.own = run if self.own is None else self.own.beside(run)
        self.logits = np.append(self.logits, log_odds)
        self.width = self._likeliest_width()

    def _halves(self) -> tuple[Vector, Vector]:
        """The own logits and what was expected of them, made independent of one another."""
        expected = np.zeros(0) if self.own is None else self.own.mean
        both = np.column_stack([self.logits - self.head.scale.middle, expected])
        solved = np.asarray(np.linalg.solve(self.factor, both), dtype=float)
        return solved[:, 0], solved[:, 1]

    def _surprise(self, width: float) -> Vector:
        seen, expected = self._halves()
        return np.asarray(seen / width - expected)

    def _likeliest_width(self) -> float:
        """The task's upper spread: the likeliest of a few, pulled towards what is usual."""
        seen, expected = self._halves()
        widths = self.head.scale.width * SCALES
        misses = ((seen[:, None] / widths[None, :] - expected[:, None]) ** 2).sum(axis=0)
        pulled = np.log(SCALES) ** 2 / SPREAD_OF_SCALE**2
        return float(widths[np.argmin(0.5 * misses + len(seen) * np.log(widths) + 0.5 * pulled)])

    def opinion(self, others: Placed | None = None) -> tuple[Vector, Vector]:
        """Mean and deviation of the logits of the score, without the noise of a run: the candidates', or
        others'.
        """
        chosen = self.candidates if others is None else others
        half = self.half if others is None else self._half(others)
        mean, variance = chosen.mean, chosen.variance
        if self.own is not None:
            mean = mean + half.T @ self._surprise(self.width)
            variance = variance - (half**2).sum(axis=0)
        deviation = np.sqrt(np.maximum(variance, 1e-6))
        return self.head.scale.middle + self.width * mean, self.width * deviation
