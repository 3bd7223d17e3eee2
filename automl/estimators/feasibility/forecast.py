"""Seconds, memory and whether both fit the limits, for pipelines on tasks.

Knows needs, corrections and evidence; knows no score and no search. Start at `fit_feasibility`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automl.estimators.feasibility.correction import Correction, Told, fit_correction, uncorrected
from automl.estimators.feasibility.needs import MEMORY, TIME, characters_of, classes_of, counted
from automl.estimators.features import Facts, Matrix, Vector, memory_limit, number
from automl.estimators.seconds import chance_beyond
from automl.values import Evidence, Pipeline, TaskView, is_above_zero

#: Corrections beside those of the parts; each is about 0 where it is usual, and 0 where it does not apply.
EXTRAS = ("batch_size", "max_length", "epochs", "characters", "classes", "c", "ngram_max", "char")
MOST_MODELS = 64
#: How much an extra may matter (ln): seconds depend on habits of a machine, bytes hardly on anything uncounted.
#: Chosen on the starter experience, of 0.05 to 0.4; a wide one for bytes learns pipelines by heart.
SECONDS_WIDTH, BYTES_WIDTH = 0.15, 0.05


@dataclass(frozen=True)
class Forecasts:
    """(n,) each: natural logarithms of seconds and bytes with their deviations, and the chances that they pass
    the task's limits (0 where there are none).
    """

    log_seconds: Vector
    seconds_deviation: Vector
    log_bytes: Vector
    bytes_deviation: Vector
    late: Vector
    too_large: Vector


@dataclass(frozen=True)
class Feasibility:
    """Two corrections of the counts, and the names that have a correction of their own."""

    facts: Facts
    methods: Sequence[str]
    models: Sequence[str]
    time: Correction
    memory: Correction

    def forecast(self, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Forecasts:
        """What n pipelines will need on their n tasks."""
        memory, time = counted(pipelines, views, self.facts)
        extras = extras_of(pipelines, views, self.methods, self.models)
        seconds, seconds_deviation = self.time.predict(time, extras)
        size, size_deviation = self.memory.predict(memory, extras)
        walls = np.array([view.limits.wall_s or math.inf for view in views], dtype=float)
        rooms = np.array([memory_limit(view) or math.inf for view in views], dtype=float)
        return Forecasts(
            seconds,
            seconds_deviation,
            size,
            size_deviation,
            _beyond(seconds, seconds_deviation, walls),
            _beyond(size, size_deviation, rooms),
        )


def _beyond(mean: Vector, deviation: Vector, limits: Vector) -> Vector:
    """(n,) the chance of passing the limit."""
    finite = np.isfinite(limits) & (limits > 0)
    logs = np.log(np.where(finite, limits, 1.0))
    return np.where(finite, chance_beyond(mean - logs, deviation, 0.0), 0.0)


def extras_of(
    pipelines: Sequence[Pipeline], views: Sequence[TaskView], methods: Sequence[str], models: Sequence[str]
) -> Matrix:
    """(n, EXTRAS + methods + models)."""
    pairs = list(zip(pipelines, views, strict=True))
    found = np.array([_extras(*pair) for pair in pairs], dtype=float).reshape(-1, len(EXTRAS))
    names = [[one.method == name for name in methods] for one in pipelines]
    own = [[one.language_model == name for name in models] for one in pipelines]
    sizes = (len(pairs), len(methods)), (len(pairs), len(models))
    flags = [
        np.array(rows, dtype=float).reshape(size) for rows, size in zip((names, own), sizes, strict=True)
    ]
    return np.hstack([found, *flags])


def _extras(pipeline: Pipeline, view: TaskView) -> list[float]:
    values = pipeline.hyperparameters
    characters = math.log(characters_of(view)) - 4.5
    plain = pipeline.language_model is None
    if plain:
        ngrams = math.log(max(number(values, "ngram_max", 1.0), 1.0)) - 0.7
        strength = 0.3 * math.log(max(number(values, "c", 1.0), 1e-6))
        char = 1.0 if values.get("ngrams") == "char" else 0.0
        return [0.0, 0.0, 0.0, characters, math.log(classes_of(view)) - 1.6, strength, ngrams, char]
    batch = math.log(max(number(values, "batch_size", 16.0), 1.0)) - 2.8
    longest = math.log(max(number(values, "max_length", 128.0), 1.0)) - 4.2
    epochs = math.log(max(number(values, "epochs", 4.0), 0.1)) - 1.4
    return [batch, longest, epochs, 0.0, 0.0, 0.0, 0.0, 0.0]


def fit_feasibility(evidence: Sequence[Evidence], facts: Facts) -> Feasibility:
    """After these runs; without any, first principles alone.

    Seconds are learnt from runs that ended and, as "at least", from those that ran out of time; bytes from all
    that say how many. Times and sizes that are missing, zero, negative or not finite say nothing.
    """
    methods = tuple(dict.fromkeys(one.pipeline.method for one in evidence))
    models = tuple(dict.fromkeys(one.pipeline.language_model or "" for one in evidence) if evidence else ())
    models = tuple(name for name in models if name)[:MOST_MODELS]
    extras = len(EXTRAS) + len(methods) + len(models)
    timed = [one for one in evidence if one.status in ("ok", "timeout") and _is_size(one.seconds)]
    sized = [one for one in evidence if one.status in ("ok", "timeout") and _is_size(one.memory_bytes)]
    time = uncorrected(len(TIME), extras, SECONDS_WIDTH)
    memory = uncorrected(len(MEMORY), extras, BYTES_WIDTH)
    if timed:
        time = fit_correction(_told(timed, facts, methods, models, of_time=True), SECONDS_WIDTH)
    if sized:
        memory = fit_correction(_told(sized, facts, methods, models, of_time=False), BYTES_WIDTH)
    return Feasibility(facts, methods, models, time, memory)


def _is_size(value: float | None) -> bool:
    return is_above_zero(value)


def view_of(run: Evidence) -> TaskView:
    """The task that a run was on, with its machine and limits."""
    return TaskView(run.task, run.metafeatures, run.system, run.limits, run.train_rows)


def _told(
    runs: Sequence[Evidence], facts: Facts, methods: Sequence[str], models: Sequence[str], *, of_time: bool
) -> Told:
    pipelines, views = [one.pipeline for one in runs], [view_of(one) for one in runs]
    memory, time = counted(pipelines, views, facts)
    values = [(one.seconds if of_time else one.memory_bytes) or 1.0 for one in runs]
    least = [of_time and one.status == "timeout" for one in runs]
    names = {name: place for place, name in enumerate(dict.fromkeys(one.task for one in runs))}
    groups = np.array([names[one.task] for one in runs], dtype=np.int64)
    extras = extras_of(pipelines, views, methods, models)
    return Told(time if of_time else memory, extras, np.log(values), np.array(least, dtype=bool), groups)
