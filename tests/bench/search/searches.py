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
from typing import Any

import numpy as np

from automl.fronts import hypervolume
from automl.priors import Prior, build_prior
from automl.values import Outcome
from search.arms import Arm
from search.family import VERSION
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
    regime = case.regime if arm.prior == "store" or case.regime == "noisy" else "helpful"
    name = f"{case.family}-{regime}-{case.task}-{case.seed}-{budget}.json"
    path = cache / f"{arm.name}-{arm.digest()}-{frozen()}" / name
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


@lru_cache(maxsize=16)
def _prior(name: str, regime: str, task: int, kind: str) -> Prior:
    family = target_family(name, regime)
    evidence = store(name, regime, task) if kind == "store" else ()
    return build_prior(family.space, evidence, family.view(task), facts=family.facts())


def _search(arm: Arm, case: Case, budget: int) -> dict[str, Any]:
    family = target_family(case.family, case.regime)
    prior = None if arm.prior == "none" else _prior(case.family, case.regime, case.task, arm.prior)
    limit_s = family.limits(case.task).wall_s or math.inf
    begun = time.process_time()
    running = arm.start(family.space, prior, case.seed, limit_s)
    start_s = time.process_time() - begun
    trials: list[list[Any]] = []
    suggest: list[float] = []
    for number in range(1, budget + 1):
        begun = time.process_time()
        pipeline = running.ask()
        if pipeline is None:
            break
        asked = time.process_time() - begun
        rng = np.random.default_rng([case.seed, case.task, number])
        seen, true = family.observed(pipeline, case.task, rng), family.run(pipeline, case.task)
        outcome = Outcome(number, pipeline, seen.status, seen.cause, seen.score, seen.seconds)
        begun = time.process_time()
        running.tell(outcome)
        suggest.append(asked + time.process_time() - begun)
        good = seen.status == "ok"
        trials.append([seen.status, true.score if good else None, true.seconds, seen.seconds])
    return {
        "limit_s": limit_s,
        "best": best_volume(case.family, case.regime, case.task),
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
