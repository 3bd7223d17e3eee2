"""What a pipeline will cost on a task and how it may die: seconds, memory and errors from one store.

Knows evidence, features and the three models; knows no scores and no search. The store is checked against
itself first: what it says of a task left out decides whether it is believed about the next one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from automl.estimators.failures import ErrorRates, MemoryModel, fit_memory, left_out_auc
from automl.estimators.features import Describer, Matrix, Vector
from automl.estimators.seconds import Seconds, Timed, chance_beyond, fit, without_store
from automl.values import PRUNED, Evidence, Outcome, Pipeline, TaskView, is_above_zero, is_own_failure

#: A store is believed about seconds when it leaves no more than this share of their spread unexplained, and
#: about memory when it ranks deaths on a task left out at least so well.
MOST_UNEXPLAINED, LEAST_AUC = 0.7, 0.75
#: With no more than this the store is as sure of who meets a limit as a search needs.
WELL_EXPLAINED = 0.35
#: Below so many deaths of memory there is nothing to check; first principles lead anyway.
LEAST_DEATHS, LEAST_TIMED = 10, 20
OWN_WEIGHT = 4.0
#: ln seconds in the middle of what is usual, where nothing is known.
USUAL_LEVEL = 4.0


@dataclass(frozen=True)
class Checks:
    """How the store did against itself, and what is believed of it."""

    unexplained: float = 1.0
    memory_auc: float = 0.5
    seconds_believed: bool = False
    memory_believed: bool = False

    @property
    def passed(self) -> bool:
        """Whether the store foretells tasks left out so well that its runs have tried the gate already."""
        return self.memory_believed and self.unexplained <= WELL_EXPLAINED


@dataclass(frozen=True)
class Runs:
    """Runs of the store that say something, their tasks as views and by number."""

    evidence: Sequence[Evidence]
    views: Sequence[TaskView]
    tasks: NDArray[np.int64]


@dataclass
class Costed:
    """n candidates as the models see them: rows of the seconds' design, memory features, names."""

    rows: Matrix
    memory: Matrix
    names: Sequence[tuple[str, ...]]

    def beside(self, other: Costed) -> Costed:
        """Both, one after the other."""
        names = [*self.names, *other.names]
        return Costed(np.vstack([self.rows, other.rows]), np.vstack([self.memory, other.memory]), names)


@dataclass(frozen=True)
class Forecast:
    """(n,) each: ln seconds and their deviation, and the chances of each way to die."""

    log_seconds: Vector
    deviation: Vector
    timeout: Vector
    memory: Vector
    error: Vector

    @property
    def failing(self) -> Vector:
        """(n,) the chance of dying at all."""
        return np.asarray(1 - (1 - self.timeout) * (1 - self.memory) * (1 - self.error))


@dataclass(frozen=True)
class Deaths:
    """What the memory model is fitted on: features, who died, and how much each run counts."""

    features: Matrix
    died: NDArray[np.bool_]
    weights: Vector

    def and_one(self, features: Vector, died: bool, weight: float) -> Deaths:
        """With one run more."""
        return Deaths(
            np.vstack([self.features, features]), np.append(self.died, died), np.append(self.weights, weight)
        )


@dataclass
class Physics:
    """Beliefs about one target; `fork` it before own runs are added."""

    describer: Describer
    target: TaskView
    seconds: Seconds
    memory: MemoryModel
    errors: ErrorRates
    deaths: Deaths
    checks: Checks

    def fork(self) -> Physics:
        """A copy to which own runs can be added."""
        return replace(self, seconds=self.seconds.copy(), errors=self.errors.copy())

    def cost(self, pipelines: Sequence[Pipeline]) -> Costed:
        """Candidates as the models see them on the target."""
        views = [self.target] * len(pipelines)
        physics = self.describer.physics(pipelines, views)
        rows = self.seconds.design(physics, self.describer.model_places(pipelines))
        return Costed(rows, self.describer.memory(pipelines, views), [names_of(one) for one in pipelines])

    def forecast(self, costed: Costed, limit_s: float) -> Forecast:
        """What is believed of candidates under the limit (infinite for none)."""
        mean, deviation = self.seconds.predict(costed.rows)
        late = chance_beyond(mean, deviation, math.log(limit_s)) if math.isfinite(limit_s) else 0 * mean
        rates = {names: self.errors.rate(names) for names in set(costed.names)}
        errors = np.array([rates[names] for names in costed.names], dtype=float)
        return Forecast(mean, deviation, late, self.memory.chance(costed.memory), errors)

    def observe(self, costed: Costed, outcome: Outcome) -> None:
        """One own run (n = 1); what says nothing about its pipeline is passed over."""
        if not outcome.says_something:
            return
        spent = outcome.seconds
        if outcome.status in ("ok", "timeout", PRUNED) and is_above_zero(spent):
            # What was stopped early had not ended by then.
            self.seconds.observe(costed.rows[0], math.log(spent), at_least=outcome.status != "ok")
        if outcome.status in ("ok", "timeout", "oom", PRUNED):
            self._observe_memory(costed.memory[0], outcome.status == "oom")
        self.errors.count(costed.names[0], outcome.status in ("error", "diverged"))

    def _observe_memory(self, features: Vector, died: bool) -> None:
        chance = float(self.memory.chance(features[None, :])[0])
        self.deaths = self.deaths.and_one(features, died, OWN_WEIGHT)
        if died or chance > 0.2:  # a run that was sure to live teaches nothing worth a new fit
            methods = len(self.describer.methods)
            self.memory = fit_memory(self.deaths.features, self.deaths.died, self.deaths.weights, methods)


def names_of(pipeline: Pipeline) -> tuple[str, ...]:
    """What errors of a pipeline's own are counted by."""
    return tuple(name for name in (pipeline.method, pipeline.language_model) if name is not None)


def fit_physics(
    describer: Describer, target: TaskView, runs: Runs, usual_level: float | None = None
) -> Physics:
    """Beliefs after the store; `usual_level` is ln seconds in the middle where the store is not believed."""
    seconds, unexplained = _seconds(describer, runs)
    deaths, auc = _deaths(describer, runs)
    checks = Checks(
        unexplained,
        auc,
        seconds is not None and unexplained <= MOST_UNEXPLAINED,
        auc >= LEAST_AUC,
    )
    methods = len(describer.methods)
    if seconds is None or not checks.seconds_believed:
        level = _level(target) if usual_level is None else usual_level
        seconds = without_store(methods, len(describer.models), level)
    if not checks.memory_believed:
        deaths = Deaths(deaths.features[:0], deaths.died[:0], deaths.weights[:0])
    errors = _errors(runs) if checks.seconds_believed else ErrorRates()
    memory = fit_memory(deaths.features, deaths.died, deaths.weights, methods)
    return Physics(describer, target, seconds, memory, errors, deaths, checks)


def _level(target: TaskView) -> float:
    """A limit is set so that ordinary runs fit it: a third of it is in the middle."""
    wall = target.limits.wall_s
    return math.log(wall / 3) if is_above_zero(wall) else USUAL_LEVEL


def _seconds(describer: Describer, runs: Runs) -> tuple[Seconds | None, float]:
    timed = [
        place
        for place, one in enumerate(runs.evidence)
        if one.status in ("ok", "timeout") and is_above_zero(one.seconds)
    ]
    ended = sum(runs.evidence[place].status == "ok" for place in timed)
    if ended < LEAST_TIMED:
        return None, 1.0
    pipelines = [runs.evidence[place].pipeline for place in timed]
    physics = describer.physics(pipelines, [runs.views[place] for place in timed])
    stopped = np.array([runs.evidence[place].status == "timeout" for place in timed])
    logs = np.log([runs.evidence[place].seconds or 1.0 for place in timed])
    places = describer.model_places(pipelines)
    return fit(
        Timed(physics, places, runs.tasks[timed], logs, stopped),
        len(describer.models),
        len(describer.methods),
    )


def _deaths(describer: Describer, runs: Runs) -> tuple[Deaths, float]:
    """Who died of memory in the store, and how well a task's deaths are ranked by the others."""
    told = [place for place, one in enumerate(runs.evidence) if one.status in ("ok", "timeout", "oom")]
    pipelines = [runs.evidence[place].pipeline for place in told]
    features = describer.memory(pipelines, [runs.views[place] for place in told])
    died = np.array([runs.evidence[place].status == "oom" for place in told], dtype=bool)
    auc = 1.0
    if died.sum() >= LEAST_DEATHS:
        auc = left_out_auc(features, died, runs.tasks[told], len(describer.methods))
    return Deaths(features, died, np.ones(len(told))), auc


def _errors(runs: Runs) -> ErrorRates:
    found = ErrorRates()
    for one in runs.evidence:
        if one.is_positive or is_own_failure(one.status, one.cause):
            found.count(names_of(one.pipeline), one.status in ("error", "diverged"))
    return found
