"""Metrics of other tools by split and name, and the one score that compares runs. It knows no format.

The spelling of names and the choice of the score are those of the logging client, so that an imported run and a logged
one compare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from knowledgebase.experiences.importers.values import number

Splits = dict[str, dict[str, Any]]
UNSAID = "unknown"  # the split of a metric whose name does not say where it was measured
MOST = 200
_PREFIX = re.compile(r"(eval|val|valid|validation|dev|test|predict|train|training)[_/.\- ](.+)", re.DOTALL)
_SPLITS = {
    **dict.fromkeys(("eval", "val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "predict"), "test"),
    **dict.fromkeys(("train", "training"), "train"),
}
F1_MACRO = "f1_macro"
_F1_MACRO = (F1_MACRO, "macro_f1", "f1-macro", "macro-f1", "f1 macro", "macro f1")
SCORES = (F1_MACRO, "f1", "accuracy")


def named(name: str) -> tuple[str, str]:
    """Split and metric of a name such as ``eval_macro_f1``: ("validation", "f1_macro")."""
    match = _PREFIX.fullmatch(name)
    split, rest = (_SPLITS[match[1]], match[2]) if match else (UNSAID, name)
    return split, canonical_name(rest)


def canonical_name(name: str) -> str:
    """One spelling for the macro-averaged F1, every other name as it is."""
    return F1_MACRO if name.lower() in _F1_MACRO else name


def by_split(metrics: Mapping[str, object], default: str = UNSAID) -> tuple[Splits, dict[str, Any]]:
    """Raw values by split, null where a value was not finite; and what is too long or too many for a record."""
    found: Splits = {}
    rest: dict[str, Any] = {}
    for name, value in metrics.items():
        split, metric = named(name)
        into = found.setdefault(default if split == UNSAID else split, {})
        if metric and len(metric) <= MOST and len(into) < MOST:
            into[metric] = number(value)
        else:
            rest[name] = value
    return {split: values for split, values in found.items() if values}, rest


def primary(metrics: Splits) -> dict[str, Any] | None:
    """Macro-F1, F1 or accuracy on validation rows when it lies in [0, 1]; a loss is never a score."""
    for name in SCORES:
        value = metrics.get("validation", {}).get(name)
        if value is not None and 0 <= value <= 1:
            return {"split": "validation", "metric": name, "value": value}
    return None
