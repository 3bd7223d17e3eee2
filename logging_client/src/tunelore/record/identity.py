"""What makes two records, tasks, systems or pipelines the same.

Knows no database and no space of pipelines.
"""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunelore.record.canonical import sha256_of

# UUIDv5 of the DNS name "tunelore.experience" in the DNS namespace; ids of imported runs depend on it for
# ever.
IMPORT_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "tunelore.experience")
NOT_CONTENT = ("id", "provenance")
_lock = threading.Lock()
_last: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class TaskIdentity:
    """`comparable` is False where the record names no dataset at all: the task is the run's own."""

    digest: str
    comparable: bool


def digest(record: Mapping[str, Any]) -> str:
    """What the record says, whoever sent it: "sha256:" over the canonical form without id and provenance."""
    return sha256_of({key: value for key, value in record.items() if key not in NOT_CONTENT})


def task_identity(record: Mapping[str, Any]) -> TaskIdentity:
    """Kind, label column and the best dataset identity there is; never the meta-features' values.

    Precedence: rows fingerprint; source, name, config and revision (an unknown source names nothing); tokens
    fingerprint; else the record's own id.
    """
    task: Mapping[str, Any] = record["task"]
    dataset: Mapping[str, Any] = task["dataset"]
    named = _dataset_identity(dataset)
    identity = {
        "kind": task["kind"],
        "label_column": dataset.get("label_column"),
        "dataset": named if named is not None else {"run": str(record["id"]).lower()},
    }
    return TaskIdentity(sha256_of(identity), named is not None)


def _dataset_identity(dataset: Mapping[str, Any]) -> dict[str, Any] | None:
    fingerprint = dataset.get("fingerprint") or ""
    if fingerprint.startswith("rows-"):
        return {"fingerprint": fingerprint}
    if dataset.get("name") and dataset.get("source") not in (None, "unknown"):
        return {part: dataset.get(part) for part in ("source", "name", "config", "revision")}
    return {"fingerprint": fingerprint} if fingerprint else None


def system_digest(system: Mapping[str, Any]) -> str:
    """Identity of hardware and software; a feature that is null and one that is absent are the same."""
    return sha256_of(_without_nulls({part: system.get(part) or {} for part in ("features", "software")}))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def language_model_key(language_model: Mapping[str, Any] | None) -> str | None:
    """The text "source:name@revision#variant", absent parts left out.

    None where there is no language model.
    """
    if language_model is None:
        return None
    key = str(language_model["source"])
    for mark, part in ((":", "name"), ("@", "revision"), ("#", "variant")):
        if language_model.get(part):
            key += f"{mark}{language_model[part]}"
    return key


def pipeline_digest(record: Mapping[str, Any]) -> str:
    """Identity of the complete choice: language model, method, hyper-parameters (not the space it came from).

    Two language models that nobody named are the same only when their features are.
    """
    pipeline: Mapping[str, Any] = record["pipeline"]
    language_model: Mapping[str, Any] | None = record.get("language_model")
    identity = {
        "language_model": language_model_key(language_model),
        "method": pipeline["method"],
        "hyperparameters": pipeline["hyperparameters"],
    }
    if language_model is not None and not language_model.get("name"):
        identity["features"] = _without_nulls(language_model.get("features") or {})
    return sha256_of(identity)


def uuid7() -> str:
    """A fresh id that sorts by time (RFC 9562, section 5.7), also within one millisecond of a process."""
    global _last
    with _lock:
        milliseconds = time.time_ns() // 1_000_000
        if milliseconds > _last[0]:
            _last = (milliseconds, secrets.randbits(73))
        else:
            _last = (_last[0], (_last[1] + 1 + secrets.randbits(32)) % (1 << 74))
        milliseconds, tail = _last
    high, low = tail >> 62, tail & ((1 << 62) - 1)
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low))


def renew_lock() -> None:
    """In a child that was forked off while a thread of its parent held the lock; and it counts on from nowhere."""
    global _lock, _last
    _lock, _last = threading.Lock(), (0, 0)


def import_id(source_format: str, identity: str) -> str:
    """The id of an imported run: one for a source, wherever and whenever it is imported (UUIDv5)."""
    return str(uuid.uuid5(IMPORT_NAMESPACE, f"{source_format}\n{identity}"))
