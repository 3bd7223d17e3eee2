"""Which trials of a generation are the best: non-dominated fronts, the last one cut by crowding.

Knows outcomes, objectives and the reference's defects in ranking; knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from automl.fronts import Costs, costs_of, crowding, fronts
from automl.priors import Defects
from automl.values import Objective, Outcome


def best_of(
    generation: Sequence[Outcome], count: int, objectives: Sequence[Objective], defects: Defects
) -> list[Outcome]:
    """The `count` best, front by front; the front that does not fit is cut to its loneliest points.

    Only successes that have every objective's value are ranked, unless the defect `rank_failures` is on.
    """
    costs = costs_of(generation, objectives)
    rows = list(range(len(generation)))
    if not defects.rank_failures:
        rows = [row for row in rows if np.isfinite(costs[row]).all()]
    squeezed = _squeezed(costs, objectives) if defects.infinite_seconds else []
    kept: list[int] = []
    layers = fronts(costs[rows]) if rows else []
    for layer in layers:
        room = count - len(kept)
        if len(layer) > room:
            lonely = _lonely(costs[rows], layer, squeezed, defects)
            layer = sorted(layer, key=lambda place: -lonely[place])[:room]
        kept += layer
    return [generation[rows[place]] for place in sorted(kept)]


def _squeezed(costs: Costs, objectives: Sequence[Objective]) -> list[int]:
    """The columns in which a failure of the generation makes the range infinite.

    The scaling looks at the whole generation and leaves out minus infinity only, the worst of what is maximised.
    """
    return [
        at
        for at, one in enumerate(objectives)
        if one.direction == "min" and bool(np.isinf(costs[:, at]).any())
    ]


def _lonely(
    costs: Costs, layer: Sequence[int], squeezed: Sequence[int], defects: Defects
) -> dict[int, float]:
    """The crowding distance of each point of a front, right or as the defects have it."""
    members = np.nan_to_num(costs[list(layer)], posinf=0.0)
    if not squeezed and not defects.misplaced_crowding:
        return dict(zip(layer, crowding(members).tolist(), strict=True))
    found = np.zeros(len(costs))
    for at, column in enumerate(members.T):
        order = np.argsort(column, kind="stable")
        found[[layer[order[0]], layer[order[-1]]]] = np.inf
        width = 0.0 if at in squeezed else float(np.ptp(column))  # an infinite range leaves no gap
        for place in range(1, len(order) - 1):
            gap = float(column[order[place + 1]] - column[order[place - 1]])
            target = place if defects.misplaced_crowding else layer[order[place]]
            found[target] += gap / width if width > 0 else 0.0
    return {place: float(found[place]) for place in layer}
