"""The points of a run's curve, thinned as they come in so that memory and record stay small.

Knows nothing of trainers; a value that is not finite is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunelore.runs.values import clean, finite, is_number

MAX_POINTS = 400
Point = dict[str, Any]
# Said by the cost already, or the same in every point.
LEFT_OUT = ("epoch", "total_flos", "step")
LEFT_OUT_ENDS = ("_runtime", "_per_second", "_preparation_time")


def measured(logs: Mapping[str, Any]) -> dict[str, float | int | None]:
    """The values of one log call worth keeping."""
    return {
        clean(name, 200): finite(value)
        for name, value in logs.items()
        if is_number(value) and name not in LEFT_OUT and not str(name).endswith(LEFT_OUT_ENDS)
    }


class Curve:
    """At most 2 x MAX_POINTS points; of ordinary ones every 1st, 2nd, 4th, ... is kept, evaluations longest."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self._stride = 1
        self._seen = 0

    def add(self, point: Point) -> bool:
        """Whether the point was kept."""
        self._seen += 1
        if not is_evaluation(point) and self._seen % self._stride:
            return False
        self.points.append(point)
        if len(self.points) >= 2 * MAX_POINTS:
            self.points = thinned(self.points, MAX_POINTS)
            self._stride *= 2
        return True


def is_evaluation(point: Point) -> bool:
    """Whether any value of the point was measured on held-out rows."""
    return any(name.startswith("eval_") for name in point["values"])


def thinned(points: list[Point], limit: int) -> list[Point]:
    """At most `limit` points, the first and the last among them, evaluations as far as they fit."""
    if len(points) <= limit:
        return points
    if limit < 2:
        return points[-limit:] if limit else []
    best = [point for point in points if is_evaluation(point)]
    if len(best) >= limit:
        return _spread(best, limit)
    ordinary = [point for point in points if not is_evaluation(point)]
    kept = {id(point) for point in [*best, *_spread(ordinary, limit - len(best))]}
    return [point for point in points if id(point) in kept]


def _spread(points: list[Point], limit: int) -> list[Point]:
    if limit <= 1 or len(points) <= limit:
        return points[-limit:] if limit else []
    step = (len(points) - 1) / (limit - 1)
    return [points[round(index * step)] for index in range(limit)]
