"""A record that a hub would refuse, without what is wrong in it, so that the rest is kept. Knows no source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tunelore import __version__
from tunelore.record import Problem

Check = Callable[[object], list[Problem]]
ROUNDS = 8
# What each part is worth when nothing of it can be kept.
LEAST: dict[str, Any] = {
    "task": {"kind": "unknown", "dataset": {}},
    "pipeline": {"method": "unknown", "hyperparameters": {}},
    "provenance": {"client": f"tunelore/{__version__}", "via": "callback"},
    "outcome": {"status": "unknown"},
    "metrics": {},
    "curve": [],
    "started_at": None,
}


def repaired(record: dict[str, Any], check: Check) -> dict[str, Any]:
    """The record with each wrong value taken out, deepest first; then with each wrong part at its least."""
    problems = check(record)
    if not problems:
        return record
    record = _json_only(record)
    for round_number in range(ROUNDS):
        for problem in sorted(problems, key=lambda one: one.pointer.count("/"), reverse=True):
            path = [part.replace("~1", "/").replace("~0", "~") for part in problem.pointer.split("/")[1:]]
            if len(path) < 2 or round_number >= ROUNDS // 2:
                _reduce(record, path[0] if path else None)
            else:
                _take_out(record, path)
        problems = check(record)
        if not problems:
            break
    return record


def _json_only(value: Any) -> Any:
    """A copy in which whatever JSON does not know is null."""
    if isinstance(value, dict):
        return {key: _json_only(member) for key, member in value.items() if isinstance(key, str)}
    if isinstance(value, (list, tuple)):
        return [_json_only(member) for member in value]
    return value if isinstance(value, (str, int, float)) else None


def _take_out(record: dict[str, Any], path: list[str]) -> None:
    """Null where it is a member, gone where it is null already, or where its key is what is wrong."""
    holder: Any = record
    for part in path[:-1]:
        holder = _member(holder, part)
    last = path[-1]
    if isinstance(holder, list) and last.isdigit() and int(last) < len(holder):
        holder[int(last)] = None
    elif isinstance(holder, dict) and last in holder:
        if holder[last] is None:
            del holder[last]
        else:
            holder[last] = None
    found = _member(holder, last) if isinstance(holder, dict) else None
    if isinstance(found, dict):  # a problem of its keys has the object's own place
        found.clear()


def _member(holder: Any, part: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(part)
    return (
        holder[int(part)] if isinstance(holder, list) and part.isdigit() and int(part) < len(holder) else None
    )


def _reduce(record: dict[str, Any], part: str | None) -> None:
    """A whole part at its least; of the whole record, what is large and not needed."""
    if part is None:
        for name in ("extra", "curve"):
            record.pop(name, None)
        for name in [name for name in record if not name.isprintable()]:
            del record[name]
    elif part in LEAST:
        record[part] = _json_only(LEAST[part])
    else:
        record.pop(part, None)
