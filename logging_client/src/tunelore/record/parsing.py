"""Strict JSON in: what other parsers let pass silently is refused here, with its place. Knows no schema."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

from tunelore.record.plain import MAX_DEPTH, plain
from tunelore.record.problems import Problem, RecordError, child, shown

MAX_INTEGER_DIGITS = 309  # more digits than the largest finite double has
MAX_PROBLEMS = 200
MARK = "\ufeff"
# White space before a colon: in a text of ours none stands there, so that each key ends with `":`.
SPACED = (" :", "\t:", "\n:", "\r:")
_decode = json.JSONDecoder().decode


class _Refused:
    """Stands where the decoder met something that is not JSON, until the walk knows its place."""

    def __init__(self, message: str) -> None:
        self.message = message


def parse(data: bytes | str) -> Any:
    """The value of one JSON text, or RecordError naming each place.

    Refused: anything but UTF-8, NaN and Infinity, numbers beyond the range of a double, duplicate keys, lone
    surrogates, nesting deeper than 512 levels, text before or after the value.
    """
    text = _decoded(data)
    value = _parsed_plainly(text)
    return _parsed_closely(text) if value is None else value


def _parsed_plainly(text: str) -> dict[str, Any] | list[Any] | None:
    """An object or a list in which nothing is wrong, at the speed of the decoder; None when that is not certain.

    A doubled key is missing among the decoded ones, and each one in the text ends with `":` at least.
    """
    try:
        value = _decode(text)
    except (ValueError, RecursionError):
        return None
    found = plain(value)
    if found is None or any(mark in text for mark in SPACED):
        return None
    return value if found.keys == text.count('":') else None


def _parsed_closely(text: str) -> Any:
    try:
        value = json.loads(
            text,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise RecordError([Problem("", f"nested deeper than {MAX_DEPTH} levels")]) from None
    except json.JSONDecodeError as error:
        if text.startswith(MARK):
            raise RecordError([Problem("", "begins with a byte order mark; send UTF-8 without it")]) from None
        place = f"line {error.lineno}, column {error.colno}"
        raise RecordError([Problem("", f"not JSON: {error.msg} ({place})")]) from None
    problems = _places(value)
    if problems:
        raise RecordError(problems)
    return value


def _decoded(data: bytes | str) -> str:
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        message = f"not UTF-8: byte 0x{byte:02x} at offset {error.start}; send the text as UTF-8"
        raise RecordError([Problem("", message)]) from None


def _constant(name: str) -> _Refused:
    return _Refused(f"not JSON: {name}; write null where a value was not finite")


def _float(text: str) -> float | _Refused:
    value = float(text)
    if math.isinf(value):
        return _Refused(f"number out of range: {shown(text)}")
    return value


def _integer(text: str) -> int | _Refused:
    if len(text) > MAX_INTEGER_DIGITS + 1:
        return _Refused(f"number out of range: an integer of {len(text)} digits")
    value = int(text)
    try:
        float(value)
    except OverflowError:
        return _Refused(f"number out of range: an integer of {len(text)} digits")
    return value


def _object(pairs: list[tuple[str, Any]]) -> Any:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    twice = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
    return _Refused(f"duplicate key {', '.join(shown(key) for key in twice[:5])}")


def _places(value: Any) -> list[Problem]:
    """Iterative, so that no nesting can exhaust the stack."""
    problems: list[Problem] = []
    waiting: list[tuple[str, Any, int]] = [("", value, 1)]
    while waiting and len(problems) < MAX_PROBLEMS:
        pointer, item, depth = waiting.pop()
        if isinstance(item, _Refused):
            problems.append(Problem(pointer, item.message))
        elif isinstance(item, str):
            if has_lone_surrogate(item):
                problems.append(Problem(pointer, f"not valid Unicode: lone surrogate in {shown(item)}"))
        elif isinstance(item, (dict, list)):
            if depth > MAX_DEPTH:
                problems.append(Problem(pointer[:200], f"nested deeper than {MAX_DEPTH} levels"))
                continue
            waiting.extend((*member, depth + 1) for member in _members(pointer, item, problems))
    return sorted(problems, key=lambda problem: problem.pointer)


def _members(
    pointer: str, item: dict[str, Any] | list[Any], problems: list[Problem]
) -> list[tuple[str, Any]]:
    if isinstance(item, list):
        return [(child(pointer, index), member) for index, member in enumerate(item)]
    for key in item:
        if has_lone_surrogate(key):
            problems.append(Problem(pointer, f"not valid Unicode: lone surrogate in the key {shown(key)}"))
    return [(child(pointer, key), member) for key, member in item.items()]


def has_lone_surrogate(text: str) -> bool:
    """Whether the text cannot be written as UTF-8."""
    if text.isascii():
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
