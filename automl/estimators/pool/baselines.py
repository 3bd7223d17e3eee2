"""What every estimator has to beat: chance, the mean of a checkpoint on other tasks, the nearest task's word.

Knows what was heard of names on tasks; knows no columns and no models. (The fourth, the number of parameters
alone, is a linear estimator that sees one column.)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.errors import EstimatorError
from automl.estimators.base import (
    KINDS,
    Estimator,
    FittedOn,
    Predictions,
    describe_runs,
    learnt,
    relative_scores,
)
from automl.estimators.features import Facts, Vector
from automl.estimators.pool.columns import Heard, heard_of, names_of, others_of
from automl.estimators.pool.packing import pack_heard
from automl.values import Evidence, Pipeline, TaskView, is_above_zero

VALUES = ("score", "seconds", "bytes", *KINDS)
#: ln seconds, ln bytes and rates where nothing was ever heard.
USUAL = {"score": 0.0, "seconds": 4.0, "bytes": 20.7, **dict.fromkeys(KINDS, 0.03)}
DEVIATIONS = {"score": 1.0, "seconds": 1.5, "bytes": 0.7, **dict.fromkeys(KINDS, 0.1)}


@dataclass(frozen=True)
class Elsewhere:
    """What other tasks said, by name; `how` is "random", "mean" or "nearest"."""

    name: str
    fitted_on: FittedOn
    how: str
    seed: int
    heard: Mapping[str, Heard]
    middles: Mapping[str, float]
    deviations: Mapping[str, float]

    def predict(self, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Predictions:
        asked = {view.task: view for view in views}
        near = {
            value: {
                task: [one.task for one in others_of(view, self.heard[value])] for task, view in asked.items()
            }
            for value in VALUES
        }
        pairs = list(zip(pipelines, views, strict=True))
        found = {
            value: np.array(
                [self._one(value, one, near[value][view.task]) for one, view in pairs], dtype=float
            )
            for value in VALUES
        }
        if self.how == "random":
            drawn = np.array([self._chance(one, view) for one, view in pairs], dtype=float)
            found |= {"score": drawn, **{kind: found[kind] * (0.9 + 0.2 * drawn) for kind in KINDS}}
        spread = {value: np.full(len(pairs), self.deviations[value]) for value in VALUES}
        kinds = np.column_stack([np.clip(found[kind], 1e-3, 0.99) for kind in KINDS])
        unsure: Vector = np.sqrt(np.sum([spread[kind] ** 2 for kind in KINDS], axis=0))
        return Predictions(
            found["score"],
            spread["score"],
            found["seconds"],
            spread["seconds"],
            found["bytes"],
            spread["bytes"],
            kinds.reshape(len(pairs), len(KINDS)),
            unsure,
        )

    def _one(self, value: str, pipeline: Pipeline, near: Sequence[str]) -> float:
        heard, (model, pair, method, itself) = self.heard[value], names_of(pipeline)
        if self.how == "mean":
            means = [
                whole / count for task, (whole, count) in heard.sums.get(model, {}).items() if task in near
            ]
            return float(np.mean(means)) if means else self.middles[value]
        if self.how == "nearest":
            for name in (itself, pair, model, method):
                told = heard.sums.get(name, {})
                task = next((task for task in near if task in told), None)
                if task is not None:
                    return told[task][0] / told[task][1]
        return self.middles[value]

    def _chance(self, pipeline: Pipeline, view: TaskView) -> float:
        """A number of the seed, the pipeline and the task, in [0, 1)."""
        text = f"{self.seed}/{view.task}/{pipeline.key()}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48

    def state(self) -> tuple[dict[str, object], dict[str, NDArray[np.generic]]]:
        heard = {value: pack_heard(one) for value, one in self.heard.items()}
        data: dict[str, object] = {"how": self.how, "seed": self.seed, "heard": heard}
        return {**data, "middles": dict(self.middles), "deviations": dict(self.deviations)}, {}


def fit_elsewhere(
    name: str, how: str, runs: Sequence[Evidence], facts: Facts, sources: Mapping[str, str], seed: int
) -> Estimator:
    """EstimatorError when no run says anything, but for chance, which needs none."""
    known = learnt(runs)
    if not known and how != "random":
        raise EstimatorError(f"estimator {name!r} was given {len(runs)} runs, of which none says anything")
    values: dict[str, Vector] = {"score": relative_scores(known)}
    values["seconds"] = _logs([run.seconds for run in known])
    values["bytes"] = _logs([run.memory_bytes for run in known])
    for kind in KINDS:
        values[kind] = np.array([float(run.status == kind) for run in known])
    there = {value: told[np.isfinite(told)] for value, told in values.items()}
    middles = {value: float(told.mean()) if len(told) else USUAL[value] for value, told in there.items()}
    spreads = {
        value: max(float(told.std()), 1e-2) if len(told) > 1 else DEVIATIONS[value]
        for value, told in there.items()
    }
    heard = {value: heard_of(known, told) for value, told in values.items()}
    return Elsewhere(name, describe_runs(known, sources), how, seed, heard, middles, spreads)


def _logs(values: Sequence[float | None]) -> Vector:
    return np.array([math.log(one) if is_above_zero(one) else math.nan for one in values], dtype=float)
