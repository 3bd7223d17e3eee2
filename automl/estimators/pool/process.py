"""The process of the default sampler as an estimator: a process over pipelines and tasks, physics, feasibility.

Knows evidence and the sampler's own models; knows no search. It is rebuilt from its runs, exactly: nothing in it
is drawn at random.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from automl.errors import EstimatorError
from automl.estimators.base import KINDS, Estimator, FittedOn, Predictions, describe_runs, learnt
from automl.estimators.feasibility import Feasibility, fit_feasibility
from automl.estimators.feasibility.forecast import view_of
from automl.estimators.features import Describer, Facts, Vector, number
from automl.estimators.kernels import NEAR, OWN, SHARED, describe
from automl.estimators.physics import Physics, Runs, fit_physics
from automl.estimators.scores import Store, build, known_of, nearness, trend, usual_length
from automl.neighbours import between, nearest
from automl.space import Choice, Method, Parameter, Real, Space
from automl.values import TRAIN_FRACTION, Evidence, Pipeline, TaskView

#: Deviation of a relative score where no task has scores enough.
UNKNOWN_SCORE = 1.0
#: Stands for every method that no run has, and every language model that neither runs nor facts name.
UNKNOWN = "unknown"
#: A range that spans more than this is searched by its logarithm.
WIDE = 10.0


@dataclass(frozen=True)
class Process:
    """Scores from the store of runs, seconds and errors from physics, memory from feasibility."""

    name: str
    fitted_on: FittedOn
    runs: Sequence[Evidence]
    physics: Physics
    feasibility: Feasibility
    store: Store | None
    tasks: Sequence[str]
    """The task of each run that the store is made of."""
    timed: frozenset[str]
    """Methods and language models that some run says the seconds of."""
    length: float
    """Distance at which tasks count 0.61."""

    def predict(self, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Predictions:
        count = len(pipelines)
        columns = np.zeros((6, count))
        kinds = np.zeros((count, len(KINDS)))
        for view in dict.fromkeys(map(_key, views)):
            own = np.array([place for place in range(count) if _key(views[place]) == view], dtype=np.int64)
            some = [pipelines[place] for place in own]
            columns[:, own], kinds[own] = self._on_task(some, views[own[0]])
        unsure = np.sqrt(kinds * (1 - kinds) / (len(self.runs) + 2)).sum(axis=1) + 0.02
        score, score_deviation, seconds, spread, size, size_deviation = columns
        return Predictions(score, score_deviation, seconds, spread, size, size_deviation, kinds, unsure)

    def _on_task(
        self, pipelines: Sequence[Pipeline], view: TaskView
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        physics, views = replace(self.physics, target=view), [view] * len(pipelines)
        limit = view.limits.wall_s
        named = [self._named(one) for one in pipelines]
        said = physics.forecast(physics.cost(named), limit if limit is not None and limit > 0 else math.inf)
        sizes = self.feasibility.forecast(pipelines, views)
        score, deviation = self._scores(named, view)
        # Physics knows nothing of seconds where it does not believe its store; of methods and language models
        # never timed it knows the count, which feasibility corrects part by part.
        believed = np.array([self._is_timed(one) for one in pipelines]) & physics.checks.seconds_believed
        seconds = np.where(believed, said.log_seconds, sizes.log_seconds)
        spread = np.where(believed, said.deviation, sizes.seconds_deviation)
        late = np.where(believed, said.timeout, sizes.late)
        errors = 0.5 * said.error
        room = np.where(sizes.too_large > 0, said.memory, 0.5 / (len(self.runs) + 1))
        kinds = np.clip(np.column_stack([late, room, errors, errors]), 1e-4, 0.999)
        columns = [score, deviation, seconds, spread, sizes.log_bytes, sizes.bytes_deviation]
        return np.array(columns), kinds

    def _is_timed(self, pipeline: Pipeline) -> bool:
        model, method = pipeline.language_model, pipeline.method
        return method in self.timed and (model is None or model in self.timed)

    def _named(self, pipeline: Pipeline) -> Pipeline:
        """With the names of something never seen where the physics has no place for it."""
        describer, model, method = self.physics.describer, pipeline.language_model, pipeline.method
        if model is not None and model not in describer.sizes:
            model = UNKNOWN
        if method not in describer.methods:
            method = UNKNOWN
        return replace(pipeline, method=method, language_model=model)

    def _scores(self, pipelines: Sequence[Pipeline], view: TaskView) -> tuple[Vector, Vector]:
        if self.store is None:
            return np.zeros(len(pipelines)), np.full(len(pipelines), UNKNOWN_SCORE)
        store = replace(self.store, weights=self._weights(self.store, view))
        described = describe(self.physics.describer, pipelines, [view] * len(pipelines))
        half = store.inverse @ store.cross(described)
        variance = float(store.shares.total().sum()) + store.shares.noise - (half**2).sum(axis=0)
        return half.T @ store.solved + trend(described, store.scale), np.sqrt(np.maximum(variance, 1e-4))

    def _weights(self, store: Store, view: TaskView) -> NDArray[np.float64]:
        """(p, n) the variance that the task shares with each run of the store; all of it with its own runs."""
        features = {run.task: run.metafeatures for run in self.runs if run.task != view.task}
        far = {one.task: one.distance for one in nearest(view.metafeatures, features)}
        close = np.array([nearness(np.array([far.get(task, 0.0)]), self.length)[0] for task in self.tasks])
        own = np.array([float(task == view.task) for task in self.tasks])
        parts = store.shares.parts
        return np.asarray(
            parts[:, SHARED][:, None]
            + parts[:, NEAR][:, None] * close[None, :]
            + parts[:, OWN][:, None] * own[None, :]
        )

    def state(self) -> tuple[dict[str, object], dict[str, NDArray[np.generic]]]:
        facts = {key: dict(one) for key, one in self.feasibility.facts.items()}
        return {"runs": [run_to_dict(run) for run in self.runs], "facts": facts}, {}


def _key(view: TaskView) -> tuple[object, ...]:
    limits = view.limits
    return (view.task, limits.wall_s, limits.host_memory_bytes, limits.device_memory_bytes, view.train_rows)


def fit_process(runs: Sequence[Evidence], facts: Facts, sources: Mapping[str, str], seed: int) -> Estimator:
    """EstimatorError when no run says anything."""
    known = learnt(runs)
    if not known:
        raise EstimatorError(f"estimator 'process' was given {len(runs)} runs, of which none says anything")
    pipelines, views = [run.pipeline for run in known], [view_of(run) for run in known]
    describer = Describer(space_seen(known, facts), facts, pipelines)
    names = {task: place for place, task in enumerate(dict.fromkeys(run.task for run in known))}
    tasks = np.array([names[run.task] for run in known], dtype=np.int64)
    physics = fit_physics(describer, views[0], Runs(known, views, tasks))
    apart = between({task: _features(known, task) for task in names})
    length = usual_length(apart)
    good = [place for place, run in enumerate(known) if run.is_positive]
    store, own = None, []
    if good:
        described = describe(
            describer, [pipelines[place] for place in good], [views[place] for place in good]
        )
        scores = np.array([known[place].score for place in good], dtype=float)
        near = nearness(apart, length)
        store = build(known_of(described, tasks[good], scores), near, np.zeros(len(names)))
        own = [known[good[row]].task for row in store.rows] if store is not None else []
    feasibility = fit_feasibility(known, facts)
    ended = [run.pipeline for run in known if run.status in ("ok", "timeout")]
    timed = frozenset(name for one in ended for name in (one.method, one.language_model or UNKNOWN))
    said = describe_runs(known, sources)
    return Process("process", said, known, physics, feasibility, store, own, timed, length)


def _features(runs: Sequence[Evidence], task: str) -> Mapping[str, float | None]:
    return next(run.metafeatures for run in runs if run.task == task)


def space_seen(runs: Sequence[Evidence], facts: Facts) -> Space:
    """The smallest space that holds all the runs' pipelines, with every language model that facts name."""
    methods: list[Method] = []
    for name in dict.fromkeys(run.pipeline.method for run in runs):
        own = [run.pipeline for run in runs if run.pipeline.method == name]
        given = dict.fromkeys(key for one in own for key in one.hyperparameters)
        seen = {key: _parameter(own, key) for key in given if key != TRAIN_FRACTION}
        parameters = {key: found for key, found in seen.items() if found is not None}
        needs = any(one.language_model is not None for one in own)
        methods.append(Method(name, parameters, needs_language_model=needs))
    methods.append(Method(UNKNOWN, {}))
    names = [run.pipeline.language_model for run in runs]
    models = dict.fromkeys([*(name for name in names if name is not None), *facts, UNKNOWN])
    return Space("seen", tuple(methods), tuple(models))


def _parameter(pipelines: Sequence[Pipeline], key: str) -> Parameter | None:
    """What varies; None for a parameter that has one value, or none that can be compared."""
    values = [one.hyperparameters[key] for one in pipelines if key in one.hyperparameters]
    numbers = [number({key: value}, key, math.nan) for value in values]
    if all(map(math.isfinite, numbers)):
        low, high = min(numbers), max(numbers)
        return Real(low, high, log=low > 0 and high / low > WIDE) if low < high else None
    words = tuple(dict.fromkeys(value for value in values if isinstance(value, str | bool)))
    return Choice(words) if len(words) > 1 else None


def run_to_dict(run: Evidence) -> dict[str, object]:
    """A run as JSON data, for a snapshot."""
    limits = run.limits
    return {
        "id": run.id,
        "task": run.task,
        "metafeatures": dict(run.metafeatures),
        "pipeline": run.pipeline.to_dict(),
        "status": run.status,
        "cause": run.cause,
        "score": run.score,
        "seconds": run.seconds,
        "memory_bytes": run.memory_bytes,
        "limits": [limits.wall_s, limits.host_memory_bytes, limits.device_memory_bytes],
        "system": dict(run.system),
        "train_rows": run.train_rows,
    }
