"""Non-dominated fronts, crowding and hypervolume.

Knows no pipeline: it works on arrays of costs, smaller being better, on scores against seconds, and on outcomes.

    costs  (n, m), n points, m objectives, each to be minimised; infinity is the worst there is
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from automl.values import Objective, Outcome, is_finite

Costs = NDArray[np.float64]


def costs_of(outcomes: Sequence[Outcome], objectives: Sequence[Objective]) -> Costs:
    """(n, m) costs: minus the score, the others as they are; infinite for a failure and for what is missing.

    A pruned run has the score that it had reached; what it would have cost nobody knows, so that is infinite.
    """
    rows = [[_cost(outcome, objective) for objective in objectives] for outcome in outcomes]
    return np.asarray(rows, dtype=float).reshape(len(outcomes), len(objectives))


def _cost(outcome: Outcome, objective: Objective) -> float:
    value = outcome.value(objective.name)
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


def dominated(
    outcomes: Sequence[Outcome], objectives: Sequence[Objective], references: Mapping[str, float]
) -> float:
    """The share in [0, 1] of the box (score 0 to 1, each cost 0 to its reference) that the successes dominate.

    The reference point is fixed: score 0, and for each cost objective the number in `references`, by name and in the
    cost's own unit. What lies beyond it, or misses a value, adds nothing. ValueError for a cost without a positive
    reference.
    """
    for one in objectives:
        if one.name != "score" and not references.get(one.name, 0.0) > 0:
            raise ValueError(f"{one.name} needs a positive reference, got {references.get(one.name)!r}")
    costs = costs_of([item for item in outcomes if item.is_success], objectives)
    for column, one in enumerate(objectives):
        costs[:, column] = (
            1 + costs[:, column] if one.name == "score" else costs[:, column] / references[one.name]
        )
    return _volume(np.maximum(costs[(costs < 1).all(axis=1)], 0.0))


def _volume(costs: Costs) -> float:
    """What points in [0, 1)^m dominate of the unit box: slice by slice of the last column."""
    if not len(costs):
        return 0.0
    if costs.shape[1] == 1:
        return float(1 - costs.min())
    order = np.argsort(costs[:, -1], kind="stable")
    ends = np.append(costs[order[1:], -1], 1.0)
    found = 0.0
    for place, end in enumerate(ends):
        height = float(end - costs[order[place], -1])
        if height > 0:
            found += height * _volume(costs[order[: place + 1], :-1])
    return found
