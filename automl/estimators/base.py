"""What every estimator promises: score, seconds, memory and failure of pipelines on tasks, each with uncertainty.

Knows no estimator. Start at `Estimator` and `Predictions`; `automl.estimators.pool` has them by name.

    score    relative to the task: (logit - the task's median) / (its 90 % quantile - median), within -1.2 and 2.5;
             0 is the middle of what was tried there, 1 its best tenth; higher is better
    KINDS    ways to fail; "error" is the pipeline's own
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from automl.estimators.features import Facts, Matrix, Vector
from automl.estimators.scores import HIGHEST, LEAST_SUCCESSES, LOWEST, logit
from automl.values import Evidence, Pipeline, TaskView, is_finite, is_own_failure

KINDS = ("timeout", "oom", "diverged", "error")


@dataclass(frozen=True)
class Predictions:
    """(n,) each, deviations > 0; `kinds` (n, KINDS) is the chance of each way to fail, in [0, 1].

    Seconds and bytes are natural logarithms.
    """

    score: Vector
    score_deviation: Vector
    log_seconds: Vector
    seconds_deviation: Vector
    log_bytes: Vector
    bytes_deviation: Vector
    kinds: Matrix
    failure_deviation: Vector

    @property
    def failure(self) -> Vector:
        """(n,) the chance of failing in any way."""
        return np.asarray(1 - np.prod(1 - self.kinds, axis=1))


@dataclass(frozen=True)
class FittedOn:
    """What an estimator has seen: counts, names of groups, and a digest of the runs in any order."""

    digest: str
    runs: int
    successes: int
    failures: int
    tasks: Sequence[str]
    language_models: Sequence[str]
    sources: Sequence[str]

    def to_dict(self) -> dict[str, object]:
        """As JSON data."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FittedOn:
        """The inverse of `to_dict`; KeyError or TypeError for data of another shape."""
        tasks, models, sources = (
            tuple(map(str, data[name])) for name in ("tasks", "language_models", "sources")
        )
        counts = int(data["runs"]), int(data["successes"]), int(data["failures"])
        return cls(str(data["digest"]), *counts, tasks, models, sources)


@runtime_checkable
class Estimator(Protocol):
    """A fitted estimator; it never changes."""

    @property
    def name(self) -> str:
        """Its name in the pool."""

    @property
    def fitted_on(self) -> FittedOn:
        """What it has seen."""

    def predict(self, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Predictions:
        """n pipelines on their n tasks; the same question always has the same answer."""

    def state(self) -> tuple[dict[str, object], dict[str, NDArray[np.generic]]]:
        """Everything that a snapshot needs: JSON data, and arrays by name."""


def learnt(runs: Sequence[Evidence]) -> list[Evidence]:
    """Runs that say something, each once: a run told many times is one run.

    Successes without a finite score stay for their seconds; killed, pruned and unknown ones say nothing.
    """
    kept: dict[str, Evidence] = {}
    for run in runs:
        if run.status == "ok" or is_own_failure(run.status, run.cause):
            kept.setdefault(_content(run), run)
    return list(kept.values())


def _content(run: Evidence) -> str:
    said = [run.task, run.pipeline.key(), run.status, run.cause, run.score, run.seconds, run.memory_bytes]
    return json.dumps([*said, run.train_rows, run.limits.wall_s])


def describe_runs(runs: Sequence[Evidence], sources: Mapping[str, str]) -> FittedOn:
    """What is written into a snapshot about the runs behind it."""
    digest = hashlib.sha256("\n".join(sorted(map(_content, runs))).encode()).hexdigest()
    models = {run.pipeline.language_model for run in runs if run.pipeline.language_model}
    tasks = {run.task for run in runs}
    return FittedOn(
        digest=digest,
        runs=len(runs),
        successes=sum(run.is_positive for run in runs),
        failures=sum(run.status != "ok" for run in runs),
        tasks=tuple(sorted(tasks)),
        language_models=tuple(sorted(models)),
        sources=tuple(sorted({sources.get(task, task) for task in tasks})),
    )


def relative_scores(runs: Sequence[Evidence]) -> Vector:
    """(n,) scores relative to their tasks; NaN for a run without a score, and for all runs of a task that has
    too few of them, or all alike, to have a middle and a spread.
    """
    found = np.full(len(runs), np.nan)
    scored = [place for place, run in enumerate(runs) if run.is_positive and is_finite(run.score)]
    tasks = np.array([runs[place].task for place in scored], dtype=object)
    logits = logit(np.array([runs[place].score for place in scored], dtype=float))
    for task in dict.fromkeys(tasks):
        own = tasks == task
        middle = float(np.median(logits[own]))
        width = float(np.quantile(logits[own], 0.9)) - middle
        if own.sum() >= LEAST_SUCCESSES and width > 1e-6:
            found[np.array(scored)[own]] = np.clip((logits[own] - middle) / width, LOWEST, HIGHEST)
    return found


class Fit(Protocol):
    """How an estimator is made of runs; EstimatorError when it needs some and there are none."""

    def __call__(
        self, runs: Sequence[Evidence], facts: Facts, sources: Mapping[str, str], seed: int
    ) -> Estimator: ...
