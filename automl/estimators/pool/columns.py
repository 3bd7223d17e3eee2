"""Pipelines on tasks as named columns, for estimators that learn from a table.

Knows hyper-parameters, meta-features and what others tasks' runs said of a checkpoint; knows no estimator. What
a run's own task said is never in its columns, so that they mean the same on a task never seen.

    values   (n, c) standardised: mean 0 and spread 1 over the runs that were learnt from; 0 where missing
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from automl.estimators.feasibility.needs import counted
from automl.estimators.features import Facts, Matrix, Vector, memory_limit, number, sizes_of
from automl.neighbours import Neighbour, nearest
from automl.values import Evidence, Features, Pipeline, Scalar, TaskView, is_above_zero, is_finite

COUNTED = (
    "parameters",
    "counted seconds",
    "counted bytes",
    "seconds over limit",
    "bytes over limit",
    "no language model",
)
#: What other tasks said: of the language model, of it with the method, of the method; and near ones of the pair.
#: (The very pipeline on other tasks helps nobody: on the starter, forests then rank unseen models upside down.)
HEARSAY = ("model elsewhere", "pair elsewhere", "method elsewhere", "pair nearby")
#: What is silent of a language model never seen.
OF_MODELS = ("model elsewhere", "pair elsewhere", "pair nearby")
#: A mean of others' tasks counts as if so many runs had said 0 besides.
DOUBT = 1.5
MOST_WORDS, MOST_NEAR = 12, 50


@dataclass(frozen=True)
class Heard:
    """Relative scores (or other values) by task: of each language model and method, their sum and number."""

    tasks: Mapping[str, Features]
    sums: Mapping[str, Mapping[str, tuple[float, float]]]
    """By name of a model, method or pair, then by task."""

    def mean(self, name: str, weights: Mapping[str, float]) -> float:
        """The mean of a name over tasks so weighted, pulled towards 0."""
        total, count = 0.0, DOUBT
        for task, (whole, runs) in self.sums.get(name, {}).items():
            weight = weights.get(task, 0.0)
            total, count = total + weight * whole / runs, count + weight
        return total / count


def others_of(view: TaskView, heard: Heard) -> list[Neighbour]:
    """All other tasks that were heard of, nearest first."""
    others = {task: features for task, features in heard.tasks.items() if task != view.task}
    return nearest(view.metafeatures, others, MOST_NEAR)


def heard_of(runs: Sequence[Evidence], values: Vector) -> Heard:
    """What the runs with a value say of it: relative scores, or anything else by the same names."""
    sums: dict[str, dict[str, tuple[float, float]]] = {}
    for run, value in zip(runs, values, strict=True):
        if not math.isfinite(value):
            continue
        for name in names_of(run.pipeline):
            whole, count = sums.setdefault(name, {}).get(run.task, (0.0, 0.0))
            sums[name][run.task] = (whole + float(value), count + 1)
    return Heard({run.task: run.metafeatures for run in runs}, sums)


def names_of(pipeline: Pipeline) -> tuple[str, str, str, str]:
    """Under which names a pipeline is heard of: model, model and method, method, itself."""
    model = pipeline.language_model or "-"
    pair, method = f"pair {model} {pipeline.method}", f"method {pipeline.method}"
    return f"model {model}", pair, method, f"pipeline {pipeline.key()}"


@dataclass(frozen=True)
class Columns:
    """How to make the columns: names, means and spreads of the runs that were learnt from."""

    facts: Facts
    heard: Heard
    names: Sequence[str]
    words: Sequence[tuple[str, str]]
    numbers: Sequence[str]
    features: Sequence[str]
    middle: Vector = field(default_factory=lambda: np.zeros(0))
    spread: Vector = field(default_factory=lambda: np.zeros(0))

    def values(self, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Matrix:
        """(n, c) standardised."""
        raw = self.raw(pipelines, views)
        return np.where(np.isnan(raw), 0.0, (raw - self.middle) / self.spread)

    def raw(self, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Matrix:
        """(n, c), NaN where missing."""
        near = {task: self._nearness(view) for task, view in {view.task: view for view in views}.items()}
        memory, time = counted(pipelines, views, self.facts)
        rows = []
        for place, (one, view) in enumerate(zip(pipelines, views, strict=True)):
            counts = self._counted(one, view, float(time[place].sum()), float(memory[place].sum()))
            rows.append([*counts, *self._hearsay(one, view, near[view.task]), *self._own(one, view)])
        return np.array(rows, dtype=float).reshape(-1, len(self.names))

    def _counted(self, one: Pipeline, view: TaskView, seconds: float, size: float) -> list[float]:
        wall, room = view.limits.wall_s, memory_limit(view)
        plain = one.language_model is None
        parameters = (
            math.nan if plain else math.log(sizes_of(self.facts, one.language_model or "").parameters)
        )
        late = math.log(seconds / wall) if is_above_zero(wall) else math.nan
        large = math.log(size / room) if room else math.nan
        return [parameters, math.log(seconds), math.log(size), late, large, float(plain)]

    def _nearness(self, view: TaskView) -> dict[str, float]:
        """How near each other task is, in (0, 1]; nothing for the task itself."""
        found = others_of(view, self.heard)
        length = 0.7 * float(np.median([one.distance for one in found])) if found else 1.0
        return {one.task: math.exp(-0.5 * (one.distance / max(length, 1e-9)) ** 2) for one in found}

    def _hearsay(self, one: Pipeline, view: TaskView, near: Mapping[str, float]) -> list[float]:
        model, pair, method, _ = names_of(one)
        even = dict.fromkeys(near, 1.0)
        return [*(self.heard.mean(name, even) for name in (model, pair, method)), self.heard.mean(pair, near)]

    def unheard(self, values: Matrix) -> Matrix:
        """(n, c) the same columns as if nothing was ever heard of the language models."""
        found = values.copy()
        for name in OF_MODELS:
            place = list(self.names).index(name)
            found[:, place] = -self.middle[place] / self.spread[place]
        return found

    def _own(self, one: Pipeline, view: TaskView) -> list[float]:
        values = one.hyperparameters
        words = [float(word(one, name) == said) for name, said in self.words]
        numbers = [_log(name, number(values, name, math.nan)) for name in self.numbers]
        features = [_size(view, name) for name in self.features]
        return [*words, *numbers, *features]


def word(pipeline: Pipeline, name: str) -> str | None:
    """A choice that is no number, as text; the method is one of them."""
    if name == "method":
        return pipeline.method
    value: Scalar = pipeline.hyperparameters.get(name)
    return str(value) if isinstance(value, str | bool) else None


def _log(name: str, value: float) -> float:
    """Sizes and rates by their logarithm, shares as they are."""
    return math.log10(value) if value > 0 and not name.endswith(("share", "dropout", "decay")) else value


def _size(view: TaskView, name: str) -> float:
    value = (
        float(view.train_rows) if name == "train_rows" and view.train_rows else view.metafeatures.get(name)
    )
    if not is_finite(value):
        return math.nan
    return math.copysign(math.log1p(abs(value)), value)


def fit_columns(runs: Sequence[Evidence], scores: Vector, facts: Facts, views: Sequence[TaskView]) -> Columns:
    """Columns of everything that varies among the runs."""
    said: dict[tuple[str, str], int] = {}
    for run in runs:
        for name in ("method", *run.pipeline.hyperparameters):
            text = word(run.pipeline, name)
            if text is not None:
                said[name, text] = said.get((name, text), 0) + 1
    words = sorted(said, key=lambda pair: (-said[pair], pair))[: 4 * MOST_WORDS]
    numbers = sorted({name for run in runs for name in run.pipeline.hyperparameters if _is_number(run, name)})
    features = sorted({"train_rows", *(name for run in runs for name in run.metafeatures)})
    labels = [*COUNTED, *HEARSAY, *(f"{name} is {text}" for name, text in words), *numbers]
    labels += [f"task {name}" for name in features]
    plain = Columns(facts, heard_of(runs, scores), labels, tuple(words), tuple(numbers), tuple(features))
    raw = plain.raw([run.pipeline for run in runs], views)
    there = ~np.isnan(raw)
    count = np.maximum(there.sum(axis=0), 1)
    middle = np.where(there, raw, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(there, raw - middle, 0.0) ** 2).sum(axis=0) / count)
    spread = np.where(spread > 1e-9, spread, 1.0)
    return Columns(
        facts, plain.heard, labels, plain.words, plain.numbers, plain.features, np.asarray(middle), spread
    )


def _is_number(run: Evidence, name: str) -> bool:
    return math.isfinite(number(run.pipeline.hyperparameters, name, math.nan))
