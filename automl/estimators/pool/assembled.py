"""An estimator put together from small models of columns: one each for score, seconds, bytes and ways to fail.

Knows columns and models; knows no search. Seconds and bytes are learnt as what the counts of first principles
are off by; a timeout counts as if it had ended at its limit. The deviations hold for tasks never seen: how far
off the models are on tasks left out in turn is part of them.
"""

from __future__ import annotations

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
from automl.estimators.feasibility.forecast import view_of
from automl.estimators.features import Facts, Matrix, Vector
from automl.estimators.pool.columns import COUNTED, Columns, fit_columns
from automl.estimators.pool.packing import pack, pack_columns
from automl.estimators.pool.regressors import Constant, Fitter, Regressor, fit_rate
from automl.values import Evidence, Pipeline, TaskView, is_above_zero

#: Where nothing is known: the deviation of a relative score, of ln seconds and of ln bytes.
USUAL_DEVIATIONS = {"score": 1.0, "seconds": 0.8, "bytes": 0.4}
GROUPS, LEAST_ROWS, LEAST_NOISE = 3, 4, 0.02
RAREST, SUREST = 1e-4, 0.999
SECONDS, BYTES = COUNTED.index("counted seconds"), COUNTED.index("counted bytes")


@dataclass(frozen=True)
class Target:
    """A model, and the deviation of one run around what it says."""

    model: Regressor
    noise: float

    def predict(self, x: Matrix) -> tuple[Vector, Vector]:
        mean, unsure = self.model.predict(x)
        return mean, np.sqrt(unsure**2 + self.noise**2)


@dataclass(frozen=True)
class Assembled:
    """See the module; `chosen` are the columns that the models see, `counts` whether seconds and bytes are
    learnt as what the counts are off by.
    """

    name: str
    fitted_on: FittedOn
    columns: Columns
    chosen: NDArray[np.int64]
    targets: Mapping[str, Target]
    kinds: Sequence[Regressor]
    counts: bool = True

    def predict(self, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Predictions:
        return self.predict_from(self.columns.values(pipelines, views))

    def predict_from(self, values: Matrix) -> Predictions:
        """The same from columns (n, c), for asking what a column is worth."""
        x, counted = values[:, self.chosen], values * self.columns.spread + self.columns.middle
        counted = counted * float(self.counts)
        score, score_deviation = self.targets["score"].predict(x)
        seconds, seconds_deviation = self.targets["seconds"].predict(x)
        size, size_deviation = self.targets["bytes"].predict(x)
        chances = [model.predict(x) for model in self.kinds]
        kinds = np.column_stack([np.clip(chance, RAREST, SUREST) for chance, _ in chances])
        unsure = np.sqrt(np.sum([deviation**2 for _, deviation in chances], axis=0)) + 1e-3
        return Predictions(
            score,
            score_deviation,
            seconds + counted[:, SECONDS],
            seconds_deviation,
            size + counted[:, BYTES],
            size_deviation,
            kinds.reshape(len(values), len(KINDS)),
            unsure,
        )

    def state(self) -> tuple[dict[str, object], dict[str, NDArray[np.generic]]]:
        data, arrays = pack_columns(self.columns)
        models = {f"target {name}": target.model for name, target in self.targets.items()}
        models |= {f"kind {name}": model for name, model in zip(KINDS, self.kinds, strict=True)}
        arrays["chosen"] = self.chosen
        noises = {name: target.noise for name, target in self.targets.items()}
        packed = {name: pack(model) for name, model in models.items()}
        for name, (_, parts) in packed.items():
            arrays |= {f"{name}/{part}": array for part, array in parts.items()}
        classes = {name: kind for name, (kind, _) in packed.items()}
        return {"columns": data, "noises": noises, "models": classes, "counts": self.counts}, arrays


def assemble(
    name: str,
    runs: Sequence[Evidence],
    facts: Facts,
    sources: Mapping[str, str],
    seed: int,
    *,
    regress: Fitter,
    tell_apart: Fitter,
    only: Sequence[str] | None = None,
    unheard_too: bool = False,
) -> Estimator:
    """Fit all models; `only` names the columns to see, without what is counted from first principles.

    With `unheard_too` they see every run twice, once as if nothing was ever heard of its language model: trees
    that always have are at a loss before a new one (rank correlation on the starter's language models left out
    0.33 and 0.36 without, 0.71 and 0.77 with; a line through both is worse than one through the first).

    EstimatorError when no run says anything.
    """
    known = learnt(runs)
    if not known:
        raise EstimatorError(
            f"estimator {name!r} was given {len(runs)} runs, of which none ended well or failed by itself; "
            "give it some, or take one of 'rules' and 'random', which need none"
        )
    scores = relative_scores(known)
    views = [view_of(run) for run in known]
    columns = fit_columns(known, scores, facts, views)
    values = columns.values([run.pipeline for run in known], views)
    counted = (values * columns.spread + columns.middle) * float(only is None)
    chosen = np.array(
        [place for place, one in enumerate(columns.names) if only is None or one in only], dtype=np.int64
    )
    times = 2 if unheard_too else 1
    values = np.vstack([values, columns.unheard(values)][:times])
    groups, counted, scores = (
        np.tile(_groups(known), times),
        np.tile(counted, (times, 1)),
        np.tile(scores, times),
    )
    told, x = known * times, values[:, chosen]
    wanted = {
        "score": scores,
        "seconds": _logs([run.seconds for run in told], told) - counted[:, SECONDS],
        "bytes": _logs([run.memory_bytes for run in told], told) - counted[:, BYTES],
    }
    targets = {
        part: _target(x, y, groups, seed, regress, USUAL_DEVIATIONS[part]) for part, y in wanted.items()
    }
    kinds = [_kind(x, np.array([run.status == kind for run in told]), seed, tell_apart) for kind in KINDS]
    return Assembled(name, describe_runs(known, sources), columns, chosen, targets, kinds, only is None)


def _groups(runs: Sequence[Evidence]) -> NDArray[np.int64]:
    """Parts to leave out in turn: of tasks, or of rows where there are too few tasks."""
    tasks = {task: place for place, task in enumerate(dict.fromkeys(run.task for run in runs))}
    if len(tasks) < 2:
        return np.arange(len(runs)) % GROUPS
    return np.array([tasks[run.task] for run in runs]) % min(GROUPS, len(tasks))


def _logs(values: Sequence[float | None], runs: Sequence[Evidence]) -> Vector:
    """(n,) natural logarithms of seconds or bytes; NaN where there are none, or none above 0."""
    found = np.full(len(runs), np.nan)
    for place, (value, run) in enumerate(zip(values, runs, strict=True)):
        if run.status in ("ok", "timeout") and is_above_zero(value):
            found[place] = math.log(value)
    return found


def _target(
    x: Matrix, y: Vector, groups: NDArray[np.int64], seed: int, regress: Fitter, usual: float
) -> Target:
    there = np.isfinite(y)
    if there.sum() < LEAST_ROWS:
        return Target(Constant(float(y[there].mean()) if there.any() else 0.0, 0.5 * usual), usual)
    x, y, groups = x[there], y[there], groups[there]
    squares: list[float] = []
    for group in np.unique(groups):
        own = groups == group
        if (~own).sum() >= LEAST_ROWS:
            mean, unsure = regress(x[~own], y[~own], seed).predict(x[own])
            squares += ((y[own] - mean) ** 2 - unsure**2).tolist()
    model = regress(x, y, seed)
    # What a model is unsure of about a task never seen may be more than it is wrong there; about its own tasks
    # it then still is no better than it fits them.
    fit = float(np.mean((y - model.predict(x)[0]) ** 2))
    noise = math.sqrt(max(float(np.mean(squares)), fit, LEAST_NOISE**2)) if squares else usual
    return Target(model, noise)


def _kind(x: Matrix, failed: NDArray[np.bool_], seed: int, tell_apart: Fitter) -> Regressor:
    y = failed.astype(float)
    return tell_apart(x, y, seed) if failed.any() and not failed.all() else fit_rate(y)
