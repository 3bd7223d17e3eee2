"""How alike two pipelines are, in several ways at once, and how much each way counts on related tasks.

Knows coordinates of pipelines and numbers; knows no store and no search. The weights of the ways are found
from scores by the MM algorithm for variance components (Zhou, Hu, Zhou, Lange 2019), which only multiplies.

    a, b     described pipelines, n_a and n_b of them
    parts    (p, n_a, n_b) likeness in [0, 1], one layer for each of `PARTS`
    shares   (p, 3) variance of each part that all tasks share, that near tasks share, and that is a task's own
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.estimators.features import Describer, Matrix, Vector
from automl.values import Pipeline, TaskView

PARTS = ("size", "model", "rate", "effort", "rest", "model and rate", "everything")
SHARED, NEAR, OWN = 0, 1, 2
#: How alike two methods are that are not the same.
OTHER_METHOD = 0.4
#: Lengths at which likeness has dropped to 0.61: ln parameters, powers of ten, ln steps, unit coordinates.
SIZE, RATE, STEPS, REST = 1.2, 0.5, 1.2, 0.9
LEAST = 1e-4
#: Logits of the score that e times as many training rows give, and how much tasks and methods differ in that. Errors
#: fall with rows to the power 0.07 to 0.35 (Hestness et al. 2017, "Deep Learning Scaling is Predictable,
#: Empirically"); a power of 0.25 at a score of 0.7 is 0.36 logits. Not fitted to any table.
TREND, TREND_SPREAD = 0.35, 0.25


@dataclass(frozen=True)
class Described:
    """n pipelines on their tasks."""

    models: NDArray[np.int64]
    methods: NDArray[np.int64]
    size: Vector
    rate: Vector
    steps: Vector
    rest: Matrix
    fraction: Vector
    """ln of the share of the training rows that each takes, 0 for all of them."""

    def __len__(self) -> int:
        return len(self.models)

    def take(self, rows: NDArray[np.int64] | slice) -> Described:
        """Some of them."""
        return Described(
            self.models[rows],
            self.methods[rows],
            self.size[rows],
            self.rate[rows],
            self.steps[rows],
            self.rest[rows],
            self.fraction[rows],
        )

    def beside(self, other: Described) -> Described:
        """Both, one after the other."""
        return Described(
            np.concatenate([self.models, other.models]),
            np.concatenate([self.methods, other.methods]),
            np.concatenate([self.size, other.size]),
            np.concatenate([self.rate, other.rate]),
            np.concatenate([self.steps, other.steps]),
            np.vstack([self.rest, other.rest]),
            np.concatenate([self.fraction, other.fraction]),
        )


def describe(describer: Describer, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Described:
    """Pipelines on their tasks, as the process sees them."""
    found = describer.coordinates(pipelines, views)
    models, methods = describer.model_places(pipelines), describer.method_places(pipelines)
    fraction = np.log(np.array([one.train_fraction for one in pipelines], dtype=float))
    return Described(models, methods, found[:, 0], found[:, 1], found[:, 2], found[:, 3:], fraction)


def parts_of(a: Described, b: Described) -> NDArray[np.float64]:
    """(p, n_a, n_b) likeness of each pair, part by part."""
    model = (a.models[:, None] == b.models[None, :]).astype(float)
    method = np.where(a.methods[:, None] == b.methods[None, :], 1.0, OTHER_METHOD)
    rate = method * _near(a.rate[:, None], b.rate[:, None], RATE)
    steps = _near(a.steps[:, None], b.steps[:, None], STEPS)
    rest = _near(a.rest, b.rest, REST)
    found = np.empty((len(PARTS), len(a), len(b)))
    found[0] = _near(a.size[:, None], b.size[:, None], SIZE)
    found[1] = model
    found[2] = rate
    found[3] = rate * steps
    found[4] = method * rest
    found[5] = rate * model
    found[6] = found[3] * rest * (0.4 + 0.6 * model)
    return found


def trends_of(a: Described, b: Described) -> Matrix:
    """(n_a, n_b) covariances, in squared logits, of what fractions of the rows do to scores; 0 where either takes all.

    Half of how steep that is belongs to the task, half to the method on it.
    """
    same = np.where(a.methods[:, None] == b.methods[None, :], 1.0, 0.5)
    return np.asarray(TREND_SPREAD**2 * same * np.outer(a.fraction, b.fraction))


def _near(a: Matrix, b: Matrix, length: float) -> Matrix:
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * (a @ b.T)
    return np.asarray(np.exp(np.maximum(squares, 0.0) * (-0.5 / length**2)))


@dataclass(frozen=True)
class Shares:
    """The variance of each part, and of what no part explains."""

    parts: Matrix
    noise: float

    def total(self) -> Vector:
        """(p,) the variance of each part on one task."""
        return np.asarray(self.parts.sum(axis=1))

    def capped(self, most: float) -> Shares:
        """The same with at most this share of each part taken from other tasks, so that own runs can
        overrule them.
        """
        other, own = self.parts[:, :OWN].sum(axis=1), self.parts[:, OWN]
        whole = other + own
        keep = np.minimum(1.0, most * whole / np.maximum(other, 1e-12))
        parts = np.column_stack([self.parts[:, :OWN] * keep[:, None], whole - other * keep])
        return Shares(parts, self.noise)


#: Where nothing better is known: parts of one task's scores, in squared units of its upper spread.
USUAL = Shares(
    np.column_stack([np.zeros((7, 2)), np.array([0.03, 0.2, 0.15, 0.05, 0.03, 0.1, 0.04])]), noise=0.02
)


def fitted(
    described: Described, tasks: NDArray[np.int64], near: Matrix, values: Vector, rounds: int
) -> Shares:
    """The likeliest shares; `near` (t, t) is how near the tasks are, in [0, 1]."""
    parts = parts_of(described, described)
    same = (tasks[:, None] == tasks[None, :]).astype(float)
    close = near[tasks[:, None], tasks[None, :]]
    layers = [part * each for part in parts for each in (1.0, close, same)]
    stacked = np.array([*layers, np.eye(len(values))]).reshape(len(layers) + 1, -1)
    weights = np.full(len(stacked), 0.6 * float(np.var(values)) / len(layers))
    weights[-1] = 0.4 * float(np.var(values))
    for _ in range(rounds):
        weights = _improved(stacked, np.maximum(weights, LEAST / len(layers)), values)
    return Shares(weights[:-1].reshape(len(PARTS), 3), max(float(weights[-1]), LEAST))


def _improved(stacked: Matrix, weights: Vector, values: Vector) -> Vector:
    count = len(values)
    inverse = np.linalg.inv((weights @ stacked).reshape(count, count) + 1e-8 * np.eye(count))
    solved = inverse @ values
    gained = stacked @ np.outer(solved, solved).ravel()
    traces = stacked @ inverse.ravel()
    return np.asarray(weights * np.sqrt(np.maximum(gained, 0.0) / np.maximum(traces, 1e-12)))
