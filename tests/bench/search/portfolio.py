"""A portfolio: pipelines that together would have gained most on the nearest tasks of the store.

Knows stores and forests of scikit-learn, no sampler of ours. For each of the nearest tasks forests predict score,
seconds and success of every candidate (what succeeded there, and uniform draws); then the pipeline that enlarges the
mean hypervolume most is taken, again and again. Seconds are shares of each task's limit, as the hypervolume has them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.priors import Memory, Prior
from automl.space import Space
from automl.values import Evidence, Pipeline

NEAREST, DRAWS, CELLS, TREES = 6, 400, 200, 60
#: A task with fewer successes teaches no forest.
LEAST = 8
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Expected:
    """(n,) of one task's candidates: score, seconds as a share of its limit, and the probability to succeed."""

    score: Matrix
    share: Matrix
    success: Matrix


def portfolio(space: Space, prior: Prior | None, count: int) -> list[Pipeline]:
    """Up to `count` pipelines, the most useful first; none without a store."""
    memory = None if prior is None else prior.memory
    tasks = [] if memory is None else _runs(memory, space)
    pool = _candidates(space, tasks)
    said = [_expected(space, runs, pool) for runs in tasks]
    return [pool[row] for row in _greedy(said, count)] if said else []


def _runs(memory: Memory, space: Space) -> list[list[Evidence]]:
    """The runs of the nearest tasks that have enough successes."""
    groups = [
        [run for run in memory.of_task(one.task) if space.contains(run.pipeline)]
        for one in memory.tasks[:NEAREST]
    ]
    return [runs for runs in groups if sum(run.is_positive for run in runs) >= LEAST]


def _candidates(space: Space, tasks: list[list[Evidence]]) -> list[Pipeline]:
    tried = [run.pipeline for runs in tasks for run in runs if run.is_positive]
    drawn = space.sample(np.random.default_rng(0), DRAWS)
    return list({one.key(): one for one in (*tried, *drawn)}.values())


def _expected(space: Space, runs: list[Evidence], pool: list[Pipeline]) -> Expected:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    good = [run for run in runs if run.is_positive]
    limit = next((run.limits.wall_s for run in runs if run.limits.wall_s), None)
    seconds = np.array([run.seconds or 0.0 for run in good])
    known, wanted = _units(space, [run.pipeline for run in good]), _units(space, pool)
    forest = {"n_estimators": TREES, "random_state": 0}
    score = ExtraTreesRegressor(**forest).fit(known, [run.score for run in good]).predict(wanted)
    logs = ExtraTreesRegressor(**forest).fit(known, np.log(np.maximum(seconds, 1e-3))).predict(wanted)
    share = np.exp(logs) / (limit or float(seconds.max()))
    ended = [run.is_positive for run in runs]
    if all(ended):
        return Expected(score, share, np.ones(len(pool)))
    every = _units(space, [run.pipeline for run in runs])
    success = ExtraTreesClassifier(**forest).fit(every, ended).predict_proba(wanted)[:, 1]
    return Expected(score, share, success)


def _units(space: Space, pipelines: list[Pipeline]) -> Matrix:
    """(n, columns) in [0, 1], what does not apply at -1."""
    return np.nan_to_num(space.encode(pipelines), nan=-1.0)


def _greedy(said: list[Expected], count: int) -> list[int]:
    """Places of the candidates that together gain most, each task counting the same."""
    cells = (np.arange(CELLS) + 0.5) / CELLS
    reached = [one.share[:, None] <= cells for one in said]
    fronts = [np.zeros(CELLS) for _ in said]
    taken: list[int] = []
    for _ in range(min(count, len(said[0].score))):
        gain = np.zeros(len(said[0].score))
        for one, within, front in zip(said, reached, fronts, strict=True):
            more = np.maximum(one.score[:, None] - front, 0.0) * within
            gain += one.success * more.mean(axis=1)
        gain[taken] = -np.inf
        taken.append(int(np.argmax(gain)))
        for place, (one, within) in enumerate(zip(said, reached, strict=True)):
            sure = one.success[taken[-1]] * one.score[taken[-1]] * within[taken[-1]]
            fronts[place] = np.maximum(fronts[place], sure)
    return taken
