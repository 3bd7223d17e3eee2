"""JSON Lines text to a table: one object a line, strictly JSON."""

from __future__ import annotations

import json
import math
from typing import Any

from automl.errors import SourceError
from automl.sources.raw import check_rows, refuse
from automl.sources.tables import Table

MAX_LINE = 2**24
MAX_DIGITS = 30


def read_json_lines(text: str) -> Table:
    """The whole file; the columns are those of all rows, in order of appearance. Raises SourceError with the line."""
    if text.lstrip()[:1] == "[":
        raise refuse("not_json_lines", 'not JSON Lines: the file starts with "["; write one object a line')
    objects: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            check_rows(len(objects) + 1)
            objects.append((number, _object(line, number)))
    if not objects:
        raise refuse("no_rows", "the file has no rows")
    columns = list(dict.fromkeys(name for _, found in objects for name in found))
    rows = [[found.get(name) for name in columns] for _, found in objects]
    return Table(columns, rows, [number for number, _ in objects])


def _object(line: str, number: int) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise refuse(
            "line_too_long", f"line {number} has {len(line):,} characters, at most {MAX_LINE:,} are read"
        )
    try:
        found = json.loads(
            line, object_pairs_hook=_unique, parse_int=_whole, parse_float=_finite, parse_constant=_none
        )
    except SourceError as error:
        raise refuse(error.code, f"line {number}: {error.message}") from error
    except (ValueError, RecursionError) as error:
        raise refuse("malformed", f"line {number} is not complete JSON: {error}"[:300]) from error
    if not isinstance(found, dict):
        raise refuse("malformed", f"line {number} is not an object")
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise refuse("malformed", f"line {number} is not valid Unicode (a lone surrogate)") from error
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise refuse("duplicate_key", f"duplicate key {doubled[:60]!r}")
    return dict(pairs)


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise refuse("out_of_range", f"a number of {len(text):,} digits is out of range")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise refuse("out_of_range", f"the number {text[:40]} is out of range")
    return value


def _none(name: str) -> float:
    raise refuse("malformed", f"{name} is not JSON")
