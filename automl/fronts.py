"""Non-dominated fronts, crowding and hypervolume.

Knows no pipeline: it works on arrays of costs, smaller being better, and on scores against seconds.

    costs  (n, m), n points, m objectives, each to be minimised; infinity is the worst there is
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from automl.values import Objective, Outcome, is_finite

Costs = NDArray[np.float64]


def costs_of(outcomes: Sequence[Outcome], objectives: Sequence[Objective]) -> Costs:
    """(n, m) costs: minus the score, the seconds; infinite for a failure and for a value that is missing.

    A pruned run has the score that it had reached; how long it would have taken nobody knows, so that is infinite.
    """
    rows = [[_cost(outcome, objective) for objective in objectives] for outcome in outcomes]
    return np.asarray(rows, dtype=float).reshape(len(outcomes), len(objectives))


def _cost(outcome: Outcome, objective: Objective) -> float:
    value = outcome.score if objective.name == "score" else outcome.seconds
    known = outcome.is_success or (outcome.is_pruned and objective.name == "score")
    if not known or not is_finite(value):
        return float("inf")
    return -value if objective.direction == "max" else value


def dominates(costs: Costs) -> NDArray[np.bool_]:
    """(n, n): row dominates column when it is nowhere worse and somewhere better."""
    ahead, behind = costs[:, None, :], costs[None, :, :]
    return np.asarray((ahead <= behind).all(axis=2) & (ahead < behind).any(axis=2))


def fronts(costs: Costs) -> list[list[int]]:
    """The points front by front: nobody dominates the first, only the first dominates the second, and
    so on.
    """
    over = dominates(costs)
    rivals = over.sum(axis=0)
    left, found = np.ones(len(costs), dtype=bool), []
    while left.any():
        front = np.flatnonzero(left & (rivals == 0))
        found.append([int(index) for index in front])
        left[front] = False
        rivals = rivals - over[front].sum(axis=0)
    return found


def crowding(costs: Costs) -> NDArray[np.float64]:
    """(n,) how lonely each point of one front is: the sum over objectives of the gap between its neighbours.

    Gaps are shares of the front's range; the ends of every objective are infinitely lonely.
    Source: Deb et al., NSGA-II (2002), section III B.
    """
    lonely = np.zeros(len(costs))
    for column in costs.T:
        order = np.argsort(column, kind="stable")
        lonely[order[[0, -1]]] = np.inf
        width = column[order[-1]] - column[order[0]]
        if len(order) > 2 and np.isfinite(width) and width > 0:
            lonely[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / width
    return lonely


def hypervolume(scores: Sequence[float], seconds: Sequence[float], *, limit_s: float) -> float:
    """The share in [0, 1] of the box (score 0 to 1, seconds 0 to `limit_s`) that the points dominate.

    The reference point is score 0 at the limit; points beyond the limit add nothing. ValueError for a limit
    that is not positive.
    """
    if not limit_s > 0:
        raise ValueError(f"the limit must be a positive number of seconds, got {limit_s!r}")
    area, best = 0.0, 0.0
    points = sorted(zip(seconds, scores, strict=True), key=lambda point: (point[0], -point[1]))
    for spent, score in points:
        height = min(score, 1.0)
        if spent < limit_s and height > best:
            area += (height - best) * (limit_s - spent)
            best = height
    return area / limit_s
