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
    kept: list[int] = []
    layers = fronts(costs[rows]) if rows else []
    for layer in layers:
        room = count - len(kept)
        if len(layer) > room:
            lonely = _lonely(costs[rows], layer, defects)
            layer = sorted(layer, key=lambda place: -lonely[place])[:room]
        kept += layer
    return [generation[rows[place]] for place in sorted(kept)]


def _lonely(costs: Costs, layer: Sequence[int], defects: Defects) -> dict[int, float]:
    """The crowding distance of each point of a front, right or as the defects have it."""
    members = costs[list(layer)].copy()
    if defects.infinite_seconds:  # an infinite range squeezes all finite values into one
        members[:, np.isinf(costs).any(axis=0)] = 0.0
    values = crowding(np.nan_to_num(members, posinf=0.0))
    if not defects.misplaced_crowding:
        return dict(zip(layer, values.tolist(), strict=True))
    at_position = dict(enumerate(values.tolist()))
    return {place: at_position.get(place, 0.0) for place in layer}
