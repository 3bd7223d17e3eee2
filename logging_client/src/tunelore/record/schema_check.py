"""Checks a value against the JSON Schema keywords that our schema uses. Knows nothing of records' meaning."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tunelore.record.problems import Problem, child, shown

# `description` and `title` say nothing to a validator; `if`, `then`, `allOf` are written by hand in
# validation.py.
KEYWORDS = frozenset(
    {"$schema", "title", "description", "type", "format", "enum", "const", "anyOf", "allOf"}
    | {"required", "properties", "additionalProperties", "propertyNames", "minProperties", "maxProperties"}
    | {"maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "items", "maxItems"}
)
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DATE_TIME = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>[0-9]{2})"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_ARTICLES = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


def is_date_time(text: str) -> bool:
    """RFC 3339 with upper-case T and Z, without leap seconds."""
    match = _DATE_TIME.fullmatch(text)
    if match is None or match["year"] == "0000":
        return False
    days = calendar.monthrange(int(match["year"]), int(match["month"]))[1]
    return 1 <= int(match["day"]) <= days


def is_uuid(text: str) -> bool:
    """The 36 characters with hyphens, no braces, no URN."""
    return _UUID.fullmatch(text) is not None


def violations(schema: Mapping[str, Any], value: Any, pointer: str) -> Iterator[Problem]:
    """Everything in which `value` differs from `schema`."""
    if "anyOf" in schema:
        yield from _any_of(schema["anyOf"], value, pointer)
        return
    if "const" in schema and value != schema["const"]:
        yield Problem(pointer, f"must be {shown(schema['const'])}, not {shown(value)}")
    elif "enum" in schema and value not in schema["enum"]:
        yield Problem(pointer, f"must be one of {', '.join(schema['enum'])}, not {shown(value)}")
    elif "type" in schema and not has_type(value, schema["type"]):
        yield Problem(pointer, f"must be {_ARTICLES[schema['type']]}, not {shown(value)}")
    elif isinstance(value, str):
        yield from _text(schema, value, pointer)
    elif isinstance(value, dict):
        yield from _object(schema, value, pointer)
    elif isinstance(value, list):
        yield from _list(schema, value, pointer)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _number(schema, value, pointer)


def has_type(value: Any, name: str) -> bool:
    """JSON Schema's types: true is no number, 3.0 is a whole number."""
    if name == "null":
        return value is None
    if name == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if name == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    kinds: dict[str, type | tuple[type, ...]] = {
        "object": dict,
        "array": list,
        "string": str,
        "number": (int, float),
    }
    return isinstance(value, kinds[name])


def _any_of(choices: list[Mapping[str, Any]], value: Any, pointer: str) -> Iterator[Problem]:
    """The complaints of the one choice whose type fits say more than "none of them"."""
    fitting = [choice for choice in choices if has_type(value, choice["type"])]
    if not fitting:
        names = [_ARTICLES[choice["type"]] for choice in choices]
        yield Problem(pointer, f"must be {', '.join(names[:-1])} or {names[-1]}, not {shown(value)}")
        return
    complaints = [list(violations(choice, value, pointer)) for choice in fitting]
    if all(complaints):
        yield from complaints[0]


def _text(schema: Mapping[str, Any], value: str, pointer: str) -> Iterator[Problem]:
    limit = schema.get("maxLength")
    if limit is not None and len(value) > limit:
        yield Problem(pointer, f"has {len(value)} characters, at most {limit}: {shown(value)}")
    pattern = schema.get("pattern")
    # Without the last $, which in Python also stands before a final line feed.
    if pattern is not None and re.fullmatch(pattern.strip("^$"), value) is None:
        yield Problem(pointer, f"must match {pattern}, not {shown(value)}")
    if schema.get("format") == "uuid" and not is_uuid(value):
        yield Problem(
            pointer, f"must be a UUID such as 019aa0c1-7c00-7b2e-9f3a-5f0d6b1c2e44, not {shown(value)}"
        )
    if schema.get("format") == "date-time" and not is_date_time(value):
        yield Problem(pointer, f"must be a time such as 2026-11-20T10:00:00.000Z, not {shown(value)}")


def _number(schema: Mapping[str, Any], value: int | float, pointer: str) -> Iterator[Problem]:
    if isinstance(value, float) and not math.isfinite(value):
        return  # said once, by the walk over the raw value
    if "minimum" in schema and value < schema["minimum"]:
        yield Problem(pointer, f"must be at least {schema['minimum']}, not {shown(value)}")
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield Problem(pointer, f"must be greater than {schema['exclusiveMinimum']}, not {shown(value)}")
    if "maximum" in schema and value > schema["maximum"]:
        yield Problem(pointer, f"must be at most {schema['maximum']}, not {shown(value)}")


def _list(schema: Mapping[str, Any], value: list[Any], pointer: str) -> Iterator[Problem]:
    limit = schema.get("maxItems")
    if limit is not None and len(value) > limit:
        yield Problem(pointer, f"has {len(value)} items, at most {limit}")
        return
    if "items" in schema:
        for index, item in enumerate(value):
            yield from violations(schema["items"], item, child(pointer, index))


def _object(schema: Mapping[str, Any], value: dict[str, Any], pointer: str) -> Iterator[Problem]:
    for key in schema.get("required", ()):
        if key not in value:
            yield Problem(child(pointer, key), "is missing")
    limit = schema.get("maxProperties")
    if limit is not None and len(value) > limit:
        yield Problem(pointer, f"has {len(value)} members, at most {limit}")
        return
    if len(value) < schema.get("minProperties", 0):
        yield Problem(pointer, "must not be empty")
    longest = schema.get("propertyNames", {}).get("maxLength", math.inf)
    for key, item in value.items():
        if not isinstance(key, str):
            continue  # said once, by the walk over the raw value
        if len(key) > longest:
            yield Problem(child(pointer, key), f"the name has {len(key)} characters, at most {longest}")
        rule = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        if rule is not None:
            yield from violations(rule, item, child(pointer, key))
