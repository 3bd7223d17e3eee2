"""What the sampler "process" says for a proposal: what it expected, how surely, and from which experiences.

Knows a search and its beliefs; changes nothing. Plain JSON data of bounded size.
"""

from __future__ import annotations

import math

import numpy as np

from automl.estimators.scores import score_of
from automl.samplers.process_pool import placed
from automl.samplers.process_search import Beliefs, Search

#: 80 % of a normal distribution lie within so many deviations.
EIGHTY = 1.2816
TASKS, EXPERIENCES = 5, 3


def reasons(search: Search, beliefs: Beliefs, row: int) -> dict[str, object]:
    """Of candidate `row`: score and seconds each as [low, middle, high] (80 % of what is expected), the chances
    of dying, the expected gain as a share of all hypervolume, what the store's opinion weighs, and its sources.
    """
    forecast, checks = beliefs.forecast, search.base.physics.checks
    logits = beliefs.mean[row] + beliefs.deviation[row] * np.array([-EIGHTY, 0.0, EIGHTY])
    logs = forecast.log_seconds[row] + forecast.deviation[row] * np.array([-EIGHTY, 0.0, EIGHTY])
    return {
        "score": _rounded(score_of(logits)),
        "seconds": _rounded(np.exp(np.minimum(logs, 50.0))),
        "failing": {
            "timeout": round(float(forecast.timeout[row]), 3),
            "memory": round(float(forecast.memory[row]), 3),
            "error": round(float(forecast.error[row]), 3),
        },
        "gain": float(f"{float(beliefs.gain[row]):.3g}"),
        "refused": not bool(beliefs.lives[row]),
        "store_weight": round(search.weight, 3),
        "store_agreement": round(search.base.agreement, 3),
        "seconds_from_store": checks.seconds_believed,
        "memory_from_store": checks.memory_believed,
        "own_runs": len(search.told),
        "tasks": [[one.task, round(one.distance, 3)] for one in search.base.memory.tasks[:TASKS]],
        "experiences": _experiences(search, row),
    }


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in values.tolist() if math.isfinite(value)]


def _experiences(search: Search, row: int) -> list[list[object]]:
    """The store's runs that moved the expected score most: id, task, by how much (in upper spreads of a task)."""
    store = None if search.base.warm is None else search.base.warm.store
    if store is None:
        return []
    described = placed(search.base, [search.candidates.pipelines[row]]).cold.described
    moved = store.cross(described)[:, 0] * (store.inverse.T @ store.solved)
    strongest = np.argsort(-np.abs(moved), kind="stable")[:EXPERIENCES]
    runs = search.base.evidence
    return [[runs[place].id, runs[place].task, round(float(moved[place]), 3)] for place in strongest]
