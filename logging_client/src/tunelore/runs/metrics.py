"""Metrics by split, and the one score that makes runs of a task comparable. Knows no trainer's internals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunelore.runs.curve import measured

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
