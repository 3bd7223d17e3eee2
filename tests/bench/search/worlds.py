"""Families, regimes and the stores they leave behind; which tasks may be tuned on and which are reported.

Knows the family; knows no sampler. FROZEN together with `family`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np

from automl.fronts import hypervolume
from automl.values import Evidence, Pipeline
from search.family import Family, FamilySpec, Run

STORE_RUNS = 150
REGIMES = ("helpful", "irrelevant", "misleading", "inverted", "noisy")
#: A family for choosing parameters, with tasks and seeds of its own; nothing of it is ever reported.
TUNING = (FamilySpec("tuning", 11),)
#: What is reported: one like the tuning family, one with other methods, more checkpoints and more noise.
REPORTED = (
    FamilySpec("plain", 101),
    FamilySpec(
        "wide",
        202,
        methods=("full", "lora", "partial", "probe", "linear"),
        checkpoints=16,
        score_noise=0.12,
        fit=0.35,
        own=0.35,
    ),
)
REPORTED_TASKS = (0, 2, 5, 7)
TUNING_TASKS = (1, 4, 6, 8)
FIRST_REPORTED_SEED, FIRST_TUNING_SEED = 500, 0
SPECS = {spec.name: spec for spec in (*TUNING, *REPORTED)}


@lru_cache(maxsize=16)
def target_family(name: str, regime: str) -> Family:
    """The family that the search itself runs in."""
    return Family(replace(SPECS[name], time_noise=0.35 if regime == "noisy" else 0.0))


@lru_cache(maxsize=8)
def store(name: str, regime: str, task: int) -> tuple[Evidence, ...]:
    """150 uniform runs of every other task, as the regime leaves them."""
    family = target_family(name, regime)
    found: list[Evidence] = []
    for other in range(family.spec.tasks):
        if other != task:
            found += _source(family, regime, other)
    return tuple(found)


def _source(family: Family, regime: str, other: int) -> list[Evidence]:
    if regime == "irrelevant":  # each source from an unrelated family of its own; time and memory stay
        family = Family(replace(family.spec, score_seed=family.spec.seed + 1000 + other))
    rng = np.random.default_rng([family.spec.seed, 6, other])
    pipelines = family.space.sample(rng, STORE_RUNS)
    runs = [family.observed(pipeline, other, rng) for pipeline in pipelines]
    if regime == "misleading":
        runs = [runs[place] for place in rng.permutation(STORE_RUNS)]
    if regime == "inverted":
        runs = _inverted(runs)
    return [
        _evidence(family, other, place, *pair) for place, pair in enumerate(zip(pipelines, runs, strict=True))
    ]


def _inverted(runs: list[Run]) -> list[Run]:
    """The best score where the worst was, and so on."""
    rows = [row for row, run in enumerate(runs) if run.score is not None]
    ordered = sorted(rows, key=lambda row: runs[row].score or 0.0)
    turned = dict(zip(ordered, [runs[row].score for row in reversed(ordered)], strict=True))
    return [replace(run, score=turned.get(row)) for row, run in enumerate(runs)]


def _evidence(family: Family, other: int, place: int, pipeline: Pipeline, run: Run) -> Evidence:
    view = family.view(other)
    return Evidence(
        id=f"{view.task}/{place:03d}",
        task=view.task,
        metafeatures=view.metafeatures,
        pipeline=pipeline,
        status=run.status,
        cause=run.cause,
        score=run.score,
        seconds=run.seconds,
        limits=view.limits,
        train_rows=view.train_rows,
    )


@lru_cache(maxsize=64)
def best_volume(name: str, regime: str, task: int) -> float:
    """The hypervolume of the best that is known of a task: 12,000 uniform draws, then changes of the front."""
    family = target_family(name, regime)
    rng = np.random.default_rng([family.spec.seed, 7, task])
    limit = family.limits(task).wall_s or math.inf
    pool = _successes(family, task, family.space.sample(rng, 12_000))
    for _ in range(12):
        front = _front(pool)
        units = family.space.encode([pipeline for _, _, pipeline in front])
        places = rng.integers(0, len(front), 400)
        changed = _changed(units[places], rng)
        pool = front + _successes(family, task, family.space.decode(changed))
    front = _front(pool)
    return hypervolume([one[0] for one in front], [one[1] for one in front], limit_s=limit)


def _changed(units: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One or two decisions of each row redrawn or moved a little; method and checkpoint stay."""
    moved = units.copy()
    for row in moved:
        own = np.flatnonzero(~np.isnan(row))[2 if not np.isnan(row[1]) else 1 :]
        for column in rng.choice(own, min(len(own), int(rng.integers(1, 3))), replace=False):
            near = np.clip(row[column] + rng.normal(0, 0.12), 0, 1)
            row[column] = near if rng.random() < 0.6 else rng.random()
    moved[np.isnan(moved)] = 0.5
    return moved


def _successes(family: Family, task: int, pipelines: list[Pipeline]) -> list[tuple[float, float, Pipeline]]:
    runs = [(family.run(pipeline, task), pipeline) for pipeline in pipelines]
    return [(run.score, run.seconds, pipeline) for run, pipeline in runs if run.score is not None]


def _front(pool: list[tuple[float, float, Pipeline]]) -> list[tuple[float, float, Pipeline]]:
    kept: list[tuple[float, float, Pipeline]] = []
    for one in sorted(pool, key=lambda item: (item[1], -item[0])):
        if not kept or one[0] > kept[-1][0]:
            kept.append(one)
    return kept
