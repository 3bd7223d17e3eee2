"""One file of the experience store, checked: its scores, its failure, and what identifies it. It makes no record.

Old schema: accuracy, f1, evaluation_time beside dataset_features. New: a list of metrics beside task_features. Between
them: the list beside dataset_features. A null or infinite score means failure in all three.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tunelore import record as records

from knowledgebase.experiences.importers.items import Unreadable
from knowledgebase.experiences.importers.values import infinite

TIMES = ("evaluation_time", "time_train_mean_seconds", "time_valid_mean_seconds")
OLD_SCORES = ("accuracy", "f1", "evaluation_time")
OUTCOME = (*OLD_SCORES, "metrics", "error")
WRITTEN = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


@dataclass(frozen=True)
class Document:
    """``path`` within the store, ``text`` as it was written, ``values``: metric -> value, not finite ones included.

    id: of the evaluation, from its content; of a failure without what its twins tell differently. key: what twins
    have in common, all but how the failure is told and the second.
    """

    path: str
    text: str
    content: Mapping[str, Any]
    values: Mapping[str, float | int | None]
    error: str | None
    alias: str
    timestamp: str
    id: str = ""
    key: str = ""

    @property
    def failed(self) -> bool:
        """No score, or one that is not finite, or an error."""
        scores = [value for name, value in self.values.items() if name not in TIMES]
        known = [value for value in scores if value is not None]
        time = self.values.get("evaluation_time")
        return bool(self.error) or not known or any(map(infinite, (*known, time)))


def document(path: str, text: str, content: Any) -> Document:
    """A file's content, checked; Unreadable names what is wrong with its value."""
    if not isinstance(content, dict):
        raise Unreadable("must be an object with algorithms and features")
    if "algorithms" not in content:
        raise Unreadable(f"has no algorithms; members: {', '.join(sorted(content)[:12])[:200]}")
    error = content.get("error")
    if error is not None and not isinstance(error, str):
        raise Unreadable(f"error must be text or null, not {str(error)[:80]}")
    texts = {name: content.get(name) for name in ("alias", "timestamp")}
    for name, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise Unreadable(f"{name} must be text, not {str(value)[:80]}")
    one = Document(
        path, text, content, _values(content), error or None, texts["alias"] or "", texts["timestamp"] or ""
    )
    return replace(one, id=_identity(one), key=_canonical(_without(content, *OUTCOME, "timestamp")))


def _values(content: Mapping[str, Any]) -> dict[str, float | int | None]:
    found = {name: _number(content[name], name) for name in OLD_SCORES if name in content}
    metrics = content.get("metrics")
    if metrics is None:
        return found
    if not isinstance(metrics, list):
        raise Unreadable(f"metrics must be a list, not {str(metrics)[:80]}")
    for place, metric in enumerate(metrics):
        if not isinstance(metric, dict) or not isinstance(metric.get("name"), str):
            raise Unreadable(f"metrics/{place} must be an object with name and value")
        found[metric["name"]] = _number(metric.get("value"), metric["name"])
    return found


def _number(value: Any, name: str) -> float | int | None:
    value = WRITTEN.get(value, value) if isinstance(value, str) else value
    if isinstance(value, bool) or not (value is None or isinstance(value, int | float)):
        raise Unreadable(f"{name[:80]} must be a number or null, not {str(value)[:80]!r}")
    return value


def _identity(one: Document) -> str:
    content = {**_without(one.content, *OUTCOME), "failed": True} if one.failed else one.content
    return records.import_id("xautolm", _canonical(content))


def _without(content: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key not in names}


def _canonical(value: Any) -> str:
    try:
        return records.canonical(_encoded(value)).decode()
    except records.RecordError as error:
        raise Unreadable(str(error)) from error


def _encoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _encoded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_encoded(one) for one in value]
    if infinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
