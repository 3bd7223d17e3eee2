"""Whether a value is a record of version 1: the schema plus the rules beyond it.

Knows no store and no sender.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from tunelore.record.canonical import canonical
from tunelore.record.compiled import Test, compiled
from tunelore.record.parsing import MAX_PROBLEMS, has_lone_surrogate
from tunelore.record.plain import MAX_DEPTH, plain
from tunelore.record.problems import Problem, RecordError, child, shown
from tunelore.record.schema_check import is_date_time, violations

SCHEMA_ID = "tunelore.experience/1"
KNOWN_SCHEMAS: tuple[str, ...] = (SCHEMA_ID,)
MAX_RECORD_BYTES = 262_144
MAX_EXTRA_DEPTH = 8
STATUSES: tuple[str, ...] = ("ok", "oom", "timeout", "diverged", "error", "killed", "pruned", "unknown")
OUTCOME_PARTS = ("outcome", "metrics", "primary", "cost")


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a record, a fresh copy."""
    loaded: dict[str, Any] = json.loads(_schema_text())
    return loaded


@cache
def _schema_text() -> str:
    return Path(__file__).with_name("experience.v1.schema.json").read_text(encoding="utf-8")


@cache
def _record_schema() -> dict[str, Any]:
    return schema()


@cache
def _is_record() -> Test:
    return compiled(_record_schema())


@cache
def _is_run() -> Test:
    return compiled(_run_schema())


@cache
def _run_schema() -> dict[str, Any]:
    run = schema()
    run["required"] = [name for name in run["required"] if name not in OUTCOME_PARTS]
    run["properties"] = {name: rule for name, rule in run["properties"].items() if name not in OUTCOME_PARTS}
    return run


def check(record: object) -> list[Problem]:
    """Everything wrong with a record, [] when it is valid; beyond 200 problems the rest is counted."""
    if _is_surely_valid(record, _is_record(), _outcome_problems):
        return []
    return _answer(record, _record_schema(), _outcome_problems)


def check_run(record: object) -> list[Problem]:
    """Everything wrong with the record of a run that has not ended (without outcome, metrics, primary, cost)."""
    if _is_surely_valid(record, _is_run(), _premature_problems):
        return []
    return _answer(record, _run_schema(), _premature_problems)


def validate(record: object) -> None:
    """Returns for a valid record, raises RecordError with all problems for any other."""
    problems = check(record)
    if problems:
        raise RecordError(problems)


def _is_surely_valid(record: object, is_shaped: Test, more: Any) -> bool:
    """Whether `_answer` would find nothing, looked at quickly. False says nothing: then it has to look."""
    if not isinstance(record, dict):
        return False
    found = plain(record)
    if found is None or found.has_nul or found.most_bytes > MAX_RECORD_BYTES:
        return False
    return is_shaped(record) and not any(chain(_beyond_problems(record), more(record)))


def _answer(record: object, rules: dict[str, Any], more: Any) -> list[Problem]:
    """Cheap, bounded checks first: nothing below them meets a bomb."""
    if not isinstance(record, dict):
        return [Problem("", f"a record is a JSON object, not {shown(record)}")]
    found = record.get("schema")
    if "schema" in record and found not in KNOWN_SCHEMAS:
        known = ", ".join(KNOWN_SCHEMAS)
        return [Problem("/schema", f"version {shown(found)} is not known here; known: {known}")]
    raw, too_large = _raw_problems(record)
    if too_large:
        return [
            Problem("", f"over {MAX_RECORD_BYTES} bytes as canonical JSON; thin the curve, cut long values")
        ]
    found_problems = raw + list(islice(_shape_problems(record, rules, more), 4 * MAX_PROBLEMS))
    if not raw and not any(problem.pointer == "" for problem in found_problems):
        found_problems += _size_problems(record)
    problems = list(dict.fromkeys(found_problems))
    if len(problems) > MAX_PROBLEMS:
        rest = len(problems) - MAX_PROBLEMS
        problems = [*problems[:MAX_PROBLEMS], Problem("", f"and at least {rest} further problems")]
    return problems


def _shape_problems(record: dict[str, Any], rules: dict[str, Any], more: Any) -> Iterator[Problem]:
    yield from violations(rules, record, "")
    yield from _beyond_problems(record)
    yield from more(record)


def _beyond_problems(record: dict[str, Any]) -> Iterator[Problem]:
    yield from _time_problems(record)
    yield from _extra_problems(record)


def _size_problems(record: dict[str, Any]) -> list[Problem]:
    try:
        size = len(canonical(record))
    except RecordError as error:
        return list(error.problems)
    if size <= MAX_RECORD_BYTES:
        return []
    return [Problem("", f"is {size} bytes as canonical JSON, at most {MAX_RECORD_BYTES}; thin the curve")]


def _raw_problems(record: dict[str, Any]) -> tuple[list[Problem], bool]:
    """What no JSON value of ours may hold, anywhere; and whether the record is certainly too large.

    The size is a lower bound, so that ten megabytes are refused without writing them out.
    """
    problems: list[Problem] = []
    size = 0
    waiting: list[tuple[str, Any, int]] = [("", record, 1)]
    while waiting:
        pointer, item, depth = waiting.pop()
        size += len(item) + 2 if isinstance(item, str) else 1
        if size > MAX_RECORD_BYTES:
            return problems, True
        if isinstance(item, (dict, list)):
            if depth > MAX_DEPTH:
                return [Problem(pointer[:200], f"nested deeper than {MAX_DEPTH} levels")], False
            if isinstance(item, dict):
                size += sum(len(key) + 3 for key in item if isinstance(key, str))
                problems.extend(_key_problems(pointer, item))
            waiting.extend((*member, depth + 1) for member in _members(pointer, item))
        else:
            problems.extend(_scalar_problems(pointer, item))
    return sorted(problems, key=lambda problem: problem.pointer), False


def _members(pointer: str, item: dict[Any, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    pairs = item.items() if isinstance(item, dict) else enumerate(item)
    # Below 20 levels a place is no longer worth its own text: 512 levels would cost half a megabyte of
    # pointers.
    deep = pointer.count("/") > 20
    for key, member in pairs:
        yield (pointer if deep else child(pointer, key)), member


def _key_problems(pointer: str, item: dict[Any, Any]) -> Iterator[Problem]:
    for key in item:
        if not isinstance(key, str):
            yield Problem(pointer, f"an object's key must be text, not {shown(key)}")
        else:
            yield from _text_problems(pointer, key, "the key ")


def _scalar_problems(pointer: str, item: Any) -> Iterator[Problem]:
    if isinstance(item, str):
        yield from _text_problems(pointer, item, "")
    elif isinstance(item, float):
        if not math.isfinite(item):
            yield Problem(pointer, f"not JSON: {item}; write null where a value was not finite")
    elif isinstance(item, int):
        if item.bit_length() > 1024:
            yield Problem(pointer, f"number out of range: {shown(item)}")
    elif item is not None:
        yield Problem(pointer, f"{type(item).__name__} is not a JSON type: {shown(item)}")


def _text_problems(pointer: str, text: str, what: str) -> Iterator[Problem]:
    if "\0" in text:
        yield Problem(pointer, f"{what}holds a NUL character: {shown(text)}")
    if has_lone_surrogate(text):
        yield Problem(pointer, f"{what}is not valid Unicode: lone surrogate in {shown(text)}")


def _time_problems(record: dict[str, Any]) -> Iterator[Problem]:
    started, finished = record.get("started_at"), record.get("finished_at")
    if not (isinstance(started, str) and is_date_time(started)):
        return
    if not (isinstance(finished, str) and is_date_time(finished)):
        return
    if started[-1] == finished[-1] == "Z" and started[:19] < finished[:19]:
        return  # of one offset, the text is the order
    if _instant(finished) < _instant(started):
        yield Problem("/finished_at", f"{finished} is before started_at, {started}")


def _instant(text: str) -> tuple[datetime, str]:
    """The second and, apart from it, the digits below: any number of them is allowed, Python takes six."""
    match = re.fullmatch(r"(.{19})(?:\.([0-9]+))?(Z|[+-].{5})", text)
    if match is None:
        raise ValueError(f"not a time: {text!r}")
    whole = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    return whole, (match[2] or "").rstrip("0")


def _extra_problems(record: dict[str, Any]) -> Iterator[Problem]:
    extra = record.get("extra")
    waiting: list[tuple[Any, int]] = [(extra, 1)] if isinstance(extra, dict) else []
    while waiting:
        item, depth = waiting.pop()
        if not isinstance(item, (dict, list)):
            continue
        if depth > MAX_EXTRA_DEPTH:
            yield Problem("/extra", f"is nested deeper than {MAX_EXTRA_DEPTH} levels")
            return
        waiting.extend((member, depth + 1) for member in (item.values() if isinstance(item, dict) else item))


def _outcome_problems(record: dict[str, Any]) -> Iterator[Problem]:
    """The schema's two conditions, in words; and a comparable score only for a run that went well."""
    outcome = record.get("outcome")
    status = outcome.get("status") if isinstance(outcome, dict) else None
    if status == "ok":
        if "metrics" not in record or record["metrics"] == {}:
            yield Problem("/metrics", "a finished run needs a metric: outcome is ok, but there is none")
        if "finished_at" not in record:
            yield Problem("/finished_at", "is missing: outcome is ok")
    elif status in STATUSES and record.get("primary") is not None:
        yield Problem("/primary", f"must be null unless the outcome is ok, and it is {status}")


def _premature_problems(record: dict[str, Any]) -> Iterator[Problem]:
    for name in OUTCOME_PARTS:
        if name in record:
            yield Problem(
                f"/{name}", "a run that has not ended has none; send the record to experiences instead"
            )
