"""One search after the other, each kept as a file, so that a broken-off run goes on where it stopped.

Knows arms and worlds; judges nothing. What is kept of a trial is what truly happened there (scores without
noise) and what it cost; the sampler was told the noisy values.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from automl.fronts import hypervolume
from automl.priors import Prior, PriorOptions, build_prior
from automl.space import Space
from automl.values import Outcome, Pipeline
from search import records
from search.arms import Arm
from search.family import VERSION, Run
from search.worlds import best_volume, store, target_family

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """Where a search takes place."""

    family: str
    regime: str
    task: int
    seed: int


def searched(arm: Arm, case: Case, budget: int, cache: Path) -> Mapping[str, Any]:
    """The search as its file has it; run now when there is none, or when the arm's code is another."""
    # Without a store the regime changes nothing but the noise: such a search is run once.
    regime = case.regime if arm.prior == "store" or case.regime in ("noisy", records.NAME) else "helpful"
    name = f"{case.family}-{regime}-{case.task}-{case.seed}-{budget}.json"
    world = _recorded() if case.family == records.NAME else frozen()
    path = cache / f"{arm.name}-{arm.digest()}-{world}" / name
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    found = _search(arm, Case(case.family, regime, case.task, case.seed), budget)
    path.parent.mkdir(parents=True, exist_ok=True)
    spare = path.with_suffix(".part")
    spare.write_text(json.dumps(found), encoding="utf-8")
    spare.replace(path)
    return found


@lru_cache(maxsize=1)
def frozen() -> str:
    """Of the family's code: figures of another family are never mixed in."""
    text = b"".join((FOLDER / name).read_bytes() for name in ("family.py", "worlds.py"))
    return f"v{VERSION}-{hashlib.sha256(text).hexdigest()[:6]}"


@lru_cache(maxsize=1)
def _recorded() -> str:
    """Of the replay's code."""
    return f"records-{hashlib.sha256((FOLDER / 'records.py').read_bytes()).hexdigest()[:6]}"


@lru_cache(maxsize=16)
def _prior(name: str, regime: str, task: int, kind: str, options: PriorOptions | None) -> Prior:
    family = target_family(name, regime)
    evidence = store(name, regime, task) if kind == "store" else ()
    return build_prior(family.space, evidence, family.view(task), options, facts=family.facts())


class World(Protocol):
    """Where one search takes place."""

    space: Space
    limit_s: float
    best: float
    """The hypervolume of the best that is known."""
    best_score: float | None
    """The best score there is, where all are known."""

    def prior(self, kind: str, options: PriorOptions | None) -> Prior: ...

    def observed(self, pipeline: Pipeline, number: int) -> tuple[Run, Run]:
        """What a trial sees, and what truly happens."""
        ...


class Invented:
    """A task of an invented family."""

    def __init__(self, case: Case) -> None:
        self.case, self.family = case, target_family(case.family, case.regime)
        self.space, self.limit_s = self.family.space, self.family.limits(case.task).wall_s or math.inf
        self.best, self.best_score = best_volume(case.family, case.regime, case.task), None

    def prior(self, kind: str, options: PriorOptions | None) -> Prior:
        return _prior(self.case.family, self.case.regime, self.case.task, kind, options)

    def observed(self, pipeline: Pipeline, number: int) -> tuple[Run, Run]:
        rng = np.random.default_rng([self.case.seed, self.case.task, number])
        seen = self.family.observed(pipeline, self.case.task, rng)
        return seen, self.family.run(pipeline, self.case.task)


class Recorded:
    """A data set of real records."""

    def __init__(self, case: Case) -> None:
        self.case, self.replay = case, records.Replay(case.task)
        self.space, self.limit_s = self.replay.space, self.replay.data.limit_s
        self.best, self.best_score = self.replay.best()

    def prior(self, kind: str, options: PriorOptions | None) -> Prior:
        return _recorded_prior(self.case.task, self.case.seed, kind, options)

    def observed(self, pipeline: Pipeline, number: int) -> tuple[Run, Run]:
        run = self.replay.run(pipeline)
        return run, run


@lru_cache(maxsize=4)
def _recorded_prior(task: int, seed: int, kind: str, options: PriorOptions | None) -> Prior:
    replay = records.Replay(task)
    evidence = records.store(task, seed) if kind == "store" else ()
    return build_prior(replay.space, evidence, replay.view(), options, facts=records.facts())


def world_of(case: Case) -> World:
    """The world of a case: real records or an invented family."""
    return Recorded(case) if case.family == records.NAME else Invented(case)


def _search(arm: Arm, case: Case, budget: int) -> dict[str, Any]:
    world = world_of(case)
    prior = None if arm.prior == "none" else world.prior(arm.prior, arm.prior_options)
    begun = time.process_time()
    running = arm.start(world.space, prior, case.seed, world.limit_s)
    start_s = time.process_time() - begun
    trials: list[list[Any]] = []
    suggest: list[float] = []
    for number in range(1, budget + 1):
        begun = time.process_time()
        pipeline = running.ask()
        if pipeline is None:
            break
        asked = time.process_time() - begun
        seen, true = world.observed(pipeline, number)
        outcome = Outcome(number, pipeline, seen.status, seen.cause, seen.score, seen.seconds)
        begun = time.process_time()
        running.tell(outcome)
        suggest.append(asked + time.process_time() - begun)
        good = seen.status == "ok"
        trials.append([seen.status, true.score if good else None, true.seconds, seen.seconds])
    return {
        "limit_s": world.limit_s,
        "best": world.best,
        "best_score": world.best_score,
        "trials": trials,
        "start_s": start_s,
        "suggest_s": suggest,
    }


def curve(found: Mapping[str, Any]) -> list[float]:
    """The hypervolume after each trial, as a share of the best that is known."""
    trials, limit = found["trials"], found["limit_s"]
    good = [(at, row[1], row[2]) for at, row in enumerate(trials) if row[1] is not None]
    volumes = []
    for at in range(len(trials)):
        had = [(score, spent) for place, score, spent in good if place <= at]
        volume = hypervolume([one[0] for one in had], [one[1] for one in had], limit_s=limit)
        volumes.append(volume / found["best"])
    return volumes


def by_clock(found: Mapping[str, Any], volumes: Sequence[float], limits: float) -> float:
    """The hypervolume after so many time limits of seconds, failed seconds counted."""
    spent, last = 0.0, 0.0
    for row, volume in zip(found["trials"], volumes, strict=True):
        spent += row[3]
        if spent > limits * found["limit_s"]:
            break
        last = volume
    return last
