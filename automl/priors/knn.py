"""The reference's memory baseline: the k nearest good runs pull, the k farthest failures push, all alike.

Knows evidence and its features; knows neither utilities nor decay. It is a baseline to be beaten: features are not
normalised, so that the number of rows decides, and of the failures the farthest are taken (XAutoLM, second version).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from automl.neighbours import Neighbour, nearest
from automl.priors.distances import with_system
from automl.priors.options import PriorOptions
from automl.priors.selection import sides
from automl.values import Evidence, TaskView, is_finite

#: How much of a good run's distance is that of its task; the rest is that of its score and seconds from the best.
FEATURES, RESULTS = 0.7, 0.3


def memory_rates(
    evidence: Iterable[Evidence], target: TaskView, options: PriorOptions
) -> tuple[list[tuple[Evidence, float]], list[Neighbour]]:
    """Runs with their learning rates, 1/k and -1/k, in descending order, and the tasks they come from.

    Rates stay 1/k where there are fewer than k. Without any evidence, nothing.
    """
    count = options.memory_k or 1
    good, bad = sides(evidence, target, options)
    everyone = [*good, *bad]
    if not everyone:
        return [], []
    far = _task_distances(everyone, target)
    results = _result_distances(good, options)
    near = FEATURES * far[: len(good)] + RESULTS * results
    pulled = [good[row] for row in _first(good, near, count)]
    pushed = [bad[row] for row in _first(bad, -far[len(good) :], count)]
    rated = [(item, 1 / count) for item in pulled] + [(item, -1 / count) for item in pushed]
    places = {item.id: float(value) for item, value in zip(everyone, far, strict=True)}
    tasks: dict[str, Neighbour] = {}
    for item in sorted([*pulled, *pushed], key=lambda one: (places[one.id], one.task)):
        tasks.setdefault(item.task, Neighbour(item.task, places[item.id], {}))
    return rated, list(tasks.values())


def _first(items: Sequence[Evidence], values: NDArray[np.float64], count: int) -> list[int]:
    return sorted(range(len(items)), key=lambda row: (values[row], items[row].id))[:count]


def _task_distances(everyone: Sequence[Evidence], target: TaskView) -> NDArray[np.float64]:
    """(n,) Euclidean over the raw features of task and machine, min-max scaled over all runs."""
    own = with_system(target.metafeatures, target.system)
    features = {str(row): with_system(item.metafeatures, item.system) for row, item in enumerate(everyone)}
    found = {int(one.task): one.distance for one in nearest(own, features, scales=())}
    return _min_max(np.array([found[row] for row in range(len(everyone))]))


def _result_distances(good: Sequence[Evidence], options: PriorOptions) -> NDArray[np.float64]:
    """(n,) how far score and seconds are from the best there are, weighed and min-max scaled."""
    scores = np.array([item.score or 0.0 for item in good])
    spent = np.array([item.seconds if is_finite(item.seconds) else np.nan for item in good])
    far = options.score_weight * (scores.max(initial=-np.inf) - scores)
    if np.isfinite(spent).any():
        far = far + options.seconds_weight * (
            np.where(np.isnan(spent), np.nanmax(spent), spent) - np.nanmin(spent)
        )
    return _min_max(far)


def _min_max(values: NDArray[np.float64]) -> NDArray[np.float64]:
    width = np.ptp(values) if len(values) else 0.0
    return np.asarray((values - values.min()) / width if width > 0 else np.zeros(len(values)))
