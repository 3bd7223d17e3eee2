"""What a run measured: the points of its curve, its metrics by split, the one score that makes runs comparable.

The curve is thinned as it comes in, so that memory and record stay small; a value that is not finite is null. Knows no
trainer's internals.
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


SPLITS = {"eval": "validation", "test": "test", "predict": "test", "train": "train"}
# What people call the macro-averaged F1; each is written as f1_macro.
F1_MACRO = ("f1_macro", "macro_f1", "f1-macro", "macro-f1", "f1 macro")
NOT_A_SCORE = ("samples", "jit_compilation_time")
Values = dict[str, "float | int | None"]


def by_split(metrics: Mapping[str, Any]) -> dict[str, Values]:
    """eval_f1 -> {"validation": {"f1": ...}}; runtimes and counts are left out."""
    found: dict[str, Values] = {}
    for name, value in measured(metrics).items():
        prefix, _, rest = name.partition("_")
        if rest and rest not in NOT_A_SCORE and prefix in SPLITS:
            found.setdefault(SPLITS[prefix], {})[canonical_name(rest)] = value
    return found


def canonical_name(name: str) -> str:
    """One spelling for the macro-averaged F1, every other name as it is."""
    return F1_MACRO[0] if name.lower() in F1_MACRO else name


def runtime(metrics: Mapping[str, Any]) -> float:
    """Seconds this evaluation took, by its own account."""
    times = [float(value) for name, value in metrics.items() if str(name).endswith("_runtime")]
    return max(times, default=0.0)


def primary(metrics: Mapping[str, Values], chosen: str | None) -> dict[str, Any] | None:
    """Macro-F1 on validation, else the metric the user chose the best checkpoint by, else F1 or accuracy.

    None unless the value lies in [0, 1]; a loss is never a score.
    """
    values = metrics.get("validation", {})
    wanted = canonical_name((chosen or "").removeprefix("eval_"))
    names = [F1_MACRO[0], *([wanted] if wanted and "loss" not in wanted else []), "f1", "accuracy"]
    for name in names:
        value = values.get(name)
        if value is not None and 0 <= value <= 1:
            return {"split": "validation", "metric": name, "value": value}
    return None


def best_seen(evaluations: list[dict[str, Values]], chosen: str | None) -> dict[str, Values]:
    """The metrics of the best evaluation before a run ended otherwise than ok, under the split `partial`."""
    scored = [(primary(metrics, chosen), metrics) for metrics in evaluations if metrics.get("validation")]
    if not scored:
        return {}
    best = max(scored, key=lambda pair: pair[0]["value"] if pair[0] else -1.0)
    return {"partial": best[1]["validation"]}
