"""Searches with and without defects: on the invented family, and on the starter experience, one task left out.

Knows how to run one search and what to keep of it; judges nothing. Everything follows from case and seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from search.family import Family, Run
from search.searches import Case, Invented
from search.worlds import SPECS, store

from automl.engine import Engine
from automl.fronts import hypervolume
from automl.priors import Defects, Prior, build_prior, prior_options
from automl.samplers.ranking import best_of
from automl.spaces.tunelore import tunelore
from automl.values import SCORE, SECONDS, Evidence, Limits, Outcome, Proposal, TaskView, is_finite
from defects.stores import as_written

#: The share of uniform pipelines that fail under harsh limits; the reference's searches had 70 to 95 %.
HARSH = 0.8


@dataclass(frozen=True)
class Arm:
    """A prior's line ("" is a cold start), the defects that are on in it and in the search, and the settings."""

    name: str
    line: str
    defects: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """Of the sampler `pge`."""
        return {**self.settings, "defects": Defects.named(self.defects).names()}


@dataclass(frozen=True)
class Searched:
    """One search: after each trial the hypervolume and the failures so far; every success, every second."""

    task: str
    volumes: Sequence[float]
    failures: Sequence[int]
    points: Sequence[tuple[float, float]]
    seconds: Sequence[float]
    history: Sequence[Outcome] = ()

    @property
    def best(self) -> float:
        """The best score."""
        return max((score for score, _ in self.points), default=0.0)


class Harsh(Family):
    """The invented family under limits in which four of five uniform pipelines fail, a third of those of memory."""

    def limits(self, task: int) -> Limits:
        if task not in self._limits:
            draws = self.space.sample(np.random.default_rng([self.spec.seed, 4]), 1500)
            spent = np.array([self.seconds(one, task) for one in draws])
            held = np.array([self.memory(one, task) for one in draws])
            allowed = float(np.quantile(held, 1 - HARSH / 3))
            wall = np.sort(spent[held <= allowed])[int((1 - HARSH) * len(draws))]
            self._limits[task] = Limits(wall_s=float(round(wall, 1)), host_memory_bytes=int(allowed))
        return self._limits[task]


@cache
def _harsh(name: str) -> Harsh:
    return Harsh(SPECS[name])


@cache
def _harsh_best(name: str, task: int) -> float:
    """The hypervolume of 5,000 uniform draws."""
    family = _harsh(name)
    runs = [family.run(one, task) for one in family.space.sample(np.random.default_rng([task, 9]), 5000)]
    points = [(run.score, run.seconds) for run in runs if run.score is not None]
    return _volume(points, family.limits(task).wall_s or 1.0)


def harsh(arm: Arm, case: Case, budget: int) -> Searched:
    """A cold search where most pipelines fail; hypervolume is a share of what 5,000 uniform draws reach."""
    family, limit_s = _harsh(case.family), _harsh(case.family).limits(case.task).wall_s or 1.0
    engine = Engine(family.space, "pge", seed=case.seed, options=arm.options())

    def observed(proposal: Proposal) -> tuple[Run, Run]:
        rng = np.random.default_rng([case.seed, case.task, proposal.number])
        return family.observed(proposal.pipeline, case.task, rng), family.run(proposal.pipeline, case.task)

    return _followed(engine, observed, case, budget, limit_s, _harsh_best(case.family, case.task))


@cache
def _prior(family: str, regime: str, task: int, line: str, defects: tuple[str, ...]) -> Prior:
    world = Invented(Case(family, regime, task, 0))
    evidence = as_written(store(family, regime, task), task)
    options = prior_options(line, Defects.named(defects))
    view = world.family.view(task)
    return build_prior(world.space, evidence, view, options, seed=task, remembered=0)


def invented(arm: Arm, case: Case, budget: int) -> Searched:
    """A search on a task of the invented family; hypervolume is a share of the best that is known."""
    world = Invented(case)
    prior = None
    if arm.line:
        prior = _prior(case.family, case.regime, case.task, arm.line, arm.defects)
    engine = Engine(world.space, "pge", prior=prior, seed=case.seed, options=arm.options())

    def observed(proposal: Proposal) -> tuple[Run, Run]:
        return world.observed(proposal.pipeline, proposal.number)

    return _followed(engine, observed, case, budget, world.limit_s, world.best)


def _followed(
    engine: Engine,
    observed: Callable[[Proposal], tuple[Run, Run]],
    case: Case,
    budget: int,
    limit_s: float,
    best: float,
) -> Searched:
    points: list[tuple[float, float]] = []
    volumes, failures, seconds = list[float](), list[int](), list[float]()
    for number in range(1, budget + 1):
        [proposal] = engine.ask()
        seen, true = observed(proposal)
        engine.tell(Outcome(number, proposal.pipeline, seen.status, seen.cause, seen.score, seen.seconds))
        if seen.status == "ok" and true.score is not None:
            points.append((true.score, true.seconds))
        failures.append(number - len(points))
        seconds.append(seen.seconds)
        volumes.append(_volume(points, limit_s) / best)
    return Searched(f"{case.family}-{case.task}", volumes, failures, points, seconds, engine.history)


def changed_generations(runs: Sequence[Searched], arm: Arm) -> float:
    """The share of the generations of these runs in which the arm's defects would have taken other trials."""
    size, count = int(arm.settings["population"]), int(arm.settings["selection"] * arm.settings["population"])
    wrong, found = Defects.named(arm.defects), list[bool]()
    for run in runs:
        for start in range(0, len(run.history) - size + 1, size):
            generation = run.history[start : start + size]
            both = [best_of(generation, max(1, count), (SCORE, SECONDS), one) for one in (Defects(), wrong)]
            found.append(both[0] != both[1])
    return sum(found) / max(len(found), 1)


def starter(
    arm: Arm, tasks: Mapping[str, Sequence[Evidence]], models: Sequence[str], task: str, seed: int, picks: int
) -> Searched:
    """Picks of the rows of a left-out task, each by how much likelier than uniform the sampler makes it."""
    own, space = list(tasks[task]), tunelore(models)
    limit_s = own[0].limits.wall_s or 60.0
    prior = _starter_prior(arm, tasks, models, task) if arm.line else None
    engine = Engine(space, "pge", prior=prior, seed=seed, options=arm.options())
    rng, points = np.random.default_rng([seed, 7]), list[tuple[float, float]]()
    whole = _volume([_point(row) for row in own if row.is_positive], limit_s)
    volumes, failures, seconds = list[float](), list[int](), list[float]()
    for number in range(1, picks + 1):
        logs = np.array(engine.log_weights([row.pipeline for row in own]))
        weights = np.exp(logs - logs.max())
        row = own.pop(int(rng.choice(len(own), p=weights / weights.sum())))
        engine.tell(Outcome(number, row.pipeline, row.status, row.cause, row.score, row.seconds))
        points += [_point(row)] if row.is_positive else []
        failures.append(number - len(points))
        seconds.append(row.seconds or 0.0)
        volumes.append(_volume(points, limit_s) / whole)
    return Searched(task, volumes, failures, points, seconds, engine.history)


_starter_priors: dict[tuple[str, tuple[str, ...], str], Prior] = {}


def _starter_prior(
    arm: Arm, tasks: Mapping[str, Sequence[Evidence]], models: Sequence[str], task: str
) -> Prior:
    key = (arm.line, arm.defects, task)
    if key not in _starter_priors:
        own = tasks[task][0]
        others = [row for other, rows in sorted(tasks.items()) if other != task for row in rows]
        options = prior_options(arm.line, Defects.named(arm.defects))
        target = TaskView(task, own.metafeatures, limits=own.limits)
        _starter_priors[key] = build_prior(
            tunelore(models), as_written(others), target, options, remembered=0
        )
    return _starter_priors[key]


def _point(row: Evidence) -> tuple[float, float]:
    return row.score or 0.0, row.seconds if is_finite(row.seconds) else 0.0


def _volume(points: Sequence[tuple[float, float]], limit_s: float) -> float:
    return hypervolume([score for score, _ in points], [spent for _, spent in points], limit_s=limit_s)
