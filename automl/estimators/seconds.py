"""How long a pipeline takes on a task, in ln seconds with an honest spread, and whether it meets a limit.

Knows physics features, tasks and language models by number; knows no space. A linear model with prior
opinions (first principles), offsets for every language model, task, method on a task and pair of task and
language model, and a slope of what is counted for every task (machines differ), whose spreads come from the
store; own runs move it one by one, a timeout as "at least so long".

    physics  (n, p) features    places (n,) language models, -1 for none    tasks (n,) numbers
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from automl.estimators.censored import beyond
from automl.estimators.features import Matrix, Vector
from automl.estimators.timing import MIDDLE, PHYSICS, PLAIN_MIDDLE, SHAPE

Places = NDArray[np.int64]

#: First principles: seconds are what is counted. Nobody says whether a task's lengths are characters, as the count
#: takes them, or words, as `work` does: half of each before any run. The rest of the shape is held so tightly that
#: many runs together can bend it and a few language models cannot: a wide one foresaw the smallest of five ten times
#: too short from the other four. What has no language model is a world apart: without a wide place of its own, the
#: language models' offsets stand for the difference, and one that nobody has timed passes for nearly free.
SHAPE_SPREAD = 0.05
SLOPES = {name: (0.0, SHAPE_SPREAD) for name in SHAPE}
SLOPES |= {"counted": (0.5, 0.2), "work": (0.4, 0.2)}
SLOPES |= {"plain_counted": (1.0, 0.3), "plain": (PLAIN_MIDDLE - MIDDLE, 2.0)}
OTHER_SPREAD, INTERCEPT_SPREAD = 0.3, 3.0
ROUNDS = 5
COUNTED = PHYSICS.index("counted")
LEAST_SPREAD = 0.03
#: How many own runs the store's opinion of its own deviations is worth.
DOUBT_RUNS = 6.0


@dataclass(frozen=True)
class Spreads:
    """Deviations in ln seconds: of a task, its slope of what is counted, a method there, a language model, a
    pair of task and language model, and of one run.
    """

    task: float = 0.4
    slope: float = 0.1
    method: float = 0.1
    model: float = 0.2
    pair: float = 0.15
    run: float = 0.2

    def of_task(self, methods: int) -> Vector:
        """(2 + methods,) of everything that a task has for itself but its pairs."""
        return np.array([self.task, self.slope, *([self.method] * methods)])


@dataclass
class Seconds:
    """Beliefs about (features, language models, the target task, its pairs): mean and covariance."""

    mean: Vector
    covariance: Matrix
    spreads: Spreads
    features: int
    models: int
    surprise: float = 0.0
    """The sum of squares of how far own runs lay from what was expected, in deviations."""
    told: int = 0

    def design(self, physics: Matrix, places: Places) -> Matrix:
        """(n, d) rows of the linear model on the target task."""
        one_hot = _one_hot(places, self.models)
        return np.hstack([physics, one_hot, _on_task(physics), one_hot])

    def predict(self, rows: Matrix) -> tuple[Vector, Vector]:
        """Mean and deviation of ln seconds of one run, for rows of the design."""
        spread = ((rows @ self.covariance) * rows).sum(axis=1)
        deviation = np.sqrt(np.maximum(spread, 0) + self.spreads.run**2)
        return rows @ self.mean, deviation * self.doubt

    @property
    def doubt(self) -> float:
        """How much wider the deviations are than the store makes them, >= 1: from what own runs taught."""
        return max(1.0, math.sqrt((DOUBT_RUNS + self.surprise) / (DOUBT_RUNS + self.told)))

    def observe(self, row: Vector, log_seconds: float, *, at_least: bool = False) -> None:
        """Learn from one run of the target task; `at_least` when it was stopped then."""
        _observe(self, row, log_seconds, at_least=at_least)

    def copy(self) -> Seconds:
        return replace(self, mean=self.mean.copy(), covariance=self.covariance.copy())


def _observe(model: Seconds, row: Vector, log_seconds: float, *, at_least: bool) -> None:
    gain = model.covariance @ row
    variance = float(row @ gain) + model.spreads.run**2
    expected = float(row @ model.mean)
    shift, shrink = log_seconds - expected, 1.0
    if not at_least:
        model.surprise, model.told = model.surprise + shift**2 / variance, model.told + 1
    if at_least:
        shift, left = beyond(expected, math.sqrt(variance), log_seconds)
        shrink = 1 - left
    model.mean = model.mean + gain * (shift / variance)
    model.covariance = model.covariance - np.outer(gain, gain) * (shrink / variance)


def _one_hot(places: NDArray[np.int64], count: int) -> Matrix:
    found = np.zeros((len(places), count))
    there = places >= 0
    found[np.flatnonzero(there), places[there]] = 1.0
    return found


def _on_task(physics: Matrix) -> Matrix:
    """(n, 2 + methods): what a task may have for itself: an offset, a slope of what is counted, an offset of
    each method.
    """
    return np.hstack([np.ones((len(physics), 1)), physics[:, [COUNTED]], physics[:, len(PHYSICS) :]])


def opinions(methods: int, level: float) -> tuple[Vector, Vector]:
    """Mean and spread of every feature's slope before any run; `level` is ln seconds in the middle."""
    mean = np.zeros(len(PHYSICS) + methods)
    spread = np.full(len(PHYSICS) + methods, OTHER_SPREAD)
    mean[0], spread[0] = level, INTERCEPT_SPREAD
    for name, (slope, width) in SLOPES.items():
        mean[PHYSICS.index(name)], spread[PHYSICS.index(name)] = slope, width
    return mean, spread


def without_store(methods: int, models: int, level: float) -> Seconds:
    """What first principles say alone."""
    mean, spread = opinions(methods, level)
    spreads = Spreads()
    own = spreads.of_task(methods)
    whole = np.concatenate([mean, np.zeros(2 * models + len(own))])
    parts = (spread, np.full(models, spreads.model), own, np.full(models, spreads.pair))
    return Seconds(whole, np.diag(np.concatenate(parts) ** 2), spreads, len(mean), models)


@dataclass(frozen=True)
class Timed:
    """Runs of the store: their features, whose they are, and ln seconds; `stopped` ones took at least that."""

    physics: Matrix
    places: Places
    tasks: Places
    logs: Vector
    stopped: NDArray[np.bool_]

    def take(self, rows: NDArray[np.bool_]) -> Timed:
        """Some of them."""
        return Timed(
            self.physics[rows], self.places[rows], self.tasks[rows], self.logs[rows], self.stopped[rows]
        )


def fit(runs: Timed, models: int, methods: int) -> tuple[Seconds, float]:
    """Beliefs after the store, and what remains unexplained of ln seconds on a task left out.

    The second number is the share, median over tasks, of the spread within the task: 0 is all explained, 1
    or more nothing. Offsets of tasks do not count: they are learnt from a task's own first runs.
    """
    ended = runs.take(~runs.stopped)
    mean, spread = opinions(methods, float(np.median(runs.logs)))
    slots = _Slots(len(mean), models, int(runs.tasks.max()) + 1)
    rows, pairs, spreads = slots.design(ended), _Pairs.of(ended, models), Spreads()
    for _ in range(ROUNDS):
        belief = _solve(slots, rows, ended.logs, pairs, mean, spread, spreads)
        spreads = _improved(slots, rows, ended.logs, pairs, belief, spreads)
    belief = _solve(slots, rows, ended.logs, pairs, mean, spread, spreads)
    unexplained = _left_out(slots, rows, ended, models, (mean, spread, spreads))
    # What a stopped run of the store says is blurred by its pair's own offset, which is not kept.
    blurred = replace(spreads, run=math.hypot(spreads.run, spreads.pair))
    whole = Seconds(belief[0], belief[1], blurred, len(mean), models)
    for row, log in zip(slots.design(runs.take(runs.stopped)), runs.logs[runs.stopped], strict=True):
        whole.observe(row, float(log), at_least=True)
    return _for_target(whole, slots, spreads), unexplained


@dataclass(frozen=True)
class _Slots:
    """Where the parts of the whole model stand: features, models, then what each task has for itself."""

    features: int
    models: int
    tasks: int

    @property
    def methods(self) -> int:
        return self.features - len(PHYSICS)

    @property
    def first(self) -> int:
        """Where the tasks' own parts begin."""
        return self.features + self.models

    def design(self, runs: Timed) -> Matrix:
        tasks, own = _one_hot(runs.tasks, self.tasks), _on_task(runs.physics)
        each = (tasks[:, :, None] * own[:, None, :]).reshape(len(own), self.tasks * own.shape[1])
        return np.hstack([runs.physics, _one_hot(runs.places, self.models), each])

    def widths(self, spread: Vector, spreads: Spreads) -> Vector:
        each = np.tile(spreads.of_task(self.methods), self.tasks)
        return np.concatenate([spread, np.full(self.models, spreads.model), each])


@dataclass(frozen=True)
class _Pairs:
    """Which runs share their task and language model, and so an offset that nobody else has."""

    member: NDArray[np.int64]
    """(n,) the pair of each run."""
    sizes: Vector

    @classmethod
    def of(cls, runs: Timed, models: int) -> _Pairs:
        _, member, sizes = np.unique(
            runs.tasks * (models + 1) + runs.places + 1, return_inverse=True, return_counts=True
        )
        return cls(np.asarray(member, dtype=np.int64).ravel(), sizes.astype(float))

    def means(self, values: Matrix) -> Matrix:
        """(pairs, ...) the mean of each pair's rows."""
        sums = np.zeros((len(self.sizes), *values.shape[1:]))
        np.add.at(sums, self.member, values)
        return np.asarray(sums.T / self.sizes).T

    def apart(self, values: Matrix, spreads: Spreads) -> Matrix:
        """The values with as much of their pair's mean taken off as makes runs independent of one another."""
        share = 1 - np.sqrt(spreads.run**2 / (spreads.run**2 + self.sizes * spreads.pair**2))
        return np.asarray(values - ((self.means(values).T * share).T)[self.member])


def _solve(
    slots: _Slots, rows: Matrix, logs: Vector, pairs: _Pairs, mean: Vector, spread: Vector, spreads: Spreads
) -> tuple[Vector, Matrix]:
    start = np.concatenate([mean, np.zeros(rows.shape[1] - len(mean))])
    free, wrong = pairs.apart(rows, spreads), pairs.apart(logs - rows @ start, spreads)
    precision = free.T @ free / spreads.run**2 + np.diag(slots.widths(spread, spreads) ** -2.0)
    covariance = np.asarray(np.linalg.inv(precision), dtype=float)
    return start + covariance @ (free.T @ wrong) / spreads.run**2, covariance


def _improved(
    slots: _Slots, rows: Matrix, logs: Vector, pairs: _Pairs, belief: tuple[Vector, Matrix], old: Spreads
) -> Spreads:
    """The spreads that make the offsets found likeliest (one step of expectation-maximisation)."""
    mean, covariance = belief
    squares = mean**2 + np.diag(covariance)
    used = np.abs(rows).sum(axis=0) > 0  # a language model that nobody ran says nothing of how they differ
    whole = old.run**2 + pairs.sizes * old.pair**2
    errors = logs - rows @ mean
    offsets = pairs.means(errors) * pairs.sizes * old.pair**2 / whole
    unsure = old.pair**2 * old.run**2 / whole
    rest = (errors - offsets[pairs.member]) ** 2 + unsure[pairs.member]

    def spread(places: NDArray[np.int64], before: float) -> float:
        own = squares[places][used[places]]
        return max(math.sqrt(float(own.mean())), LEAST_SPREAD) if len(own) else before

    each = np.arange(slots.first, rows.shape[1]).reshape(slots.tasks, -1)
    return Spreads(
        task=spread(each[:, 0], old.task),
        slope=spread(each[:, 1], old.slope),
        method=spread(each[:, 2:].ravel(), old.method),
        model=spread(np.arange(slots.features, slots.first), old.model),
        pair=max(math.sqrt(float((offsets**2 + unsure).mean())), LEAST_SPREAD),
        run=max(math.sqrt(float(rest.mean())), LEAST_SPREAD),
    )


def _left_out(
    slots: _Slots, rows: Matrix, ended: Timed, models: int, opinion: tuple[Vector, Vector, Spreads]
) -> float:
    shares = []
    for task in range(slots.tasks):
        own = ended.tasks == task
        if own.sum() < 8 or (~own).sum() < 8:
            continue
        pairs = _Pairs.of(ended.take(~own), models)
        found, _ = _solve(slots, rows[~own], ended.logs[~own], pairs, *opinion)
        wrong = ended.logs[own] - rows[own] @ found
        whole = float(np.std(ended.logs[own]))
        shares.append(float(np.std(wrong)) / whole if whole > 0 else 1.0)
    return float(np.median(shares)) if shares else 1.0


def _for_target(whole: Seconds, slots: _Slots, spreads: Spreads) -> Seconds:
    """The same beliefs for a task that was not in the store: its own offsets are unknown."""
    first, models = slots.first, slots.models
    widths = np.concatenate([spreads.of_task(slots.methods), np.full(models, spreads.pair)])
    mean = np.concatenate([whole.mean[:first], np.zeros(len(widths))])
    covariance = np.zeros((len(mean), len(mean)))
    covariance[:first, :first] = whole.covariance[:first, :first]
    own = np.arange(first, len(mean))
    covariance[own, own] = widths**2
    return Seconds(mean, covariance, spreads, slots.features, models)
