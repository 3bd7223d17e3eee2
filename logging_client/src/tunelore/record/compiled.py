"""A JSON Schema as a chain of small functions that say yes, and quickly: most records are valid.

They are for values that `plain` has walked through. What is wrong where they say no, `schema_check.violations` knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from tunelore.record.schema_check import is_date_time, is_uuid, violations

Test = Callable[[Any], bool]
FORMATS: Mapping[str, Callable[[str], bool]] = {"uuid": is_uuid, "date-time": is_date_time}


def compiled(schema: Mapping[str, Any]) -> Test:
    """A function that is true for exactly the values in which `violations` finds nothing."""
    if "anyOf" in schema:
        return _any_of([compiled(choice) for choice in schema["anyOf"]])
    if "const" in schema or "enum" in schema:
        return lambda value: next(violations(schema, value, ""), None) is None
    return _BY_TYPE[schema["type"]](schema)


def _any_of(tests: list[Test]) -> Test:
    if len(tests) == 2 and tests[1] is _is_null:
        first = tests[0]
        return lambda value: value is None or first(value)
    return lambda value: any(test(value) for test in tests)


def _is_null(value: Any) -> bool:
    return value is None


def _text(schema: Mapping[str, Any]) -> Test:
    longest = schema.get("maxLength", math.inf)
    # Without the last $, which in Python also stands before a final line feed.
    matches = re.compile(schema["pattern"].strip("^$")).fullmatch if "pattern" in schema else None
    is_formed = FORMATS.get(schema.get("format", ""))

    def test(value: Any) -> bool:
        return (
            type(value) is str
            and len(value) <= longest
            and (matches is None or matches(value) is not None)
            and (is_formed is None or is_formed(value))
        )

    return test


def _number(schema: Mapping[str, Any]) -> Test:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above = schema.get("exclusiveMinimum", -math.inf)
    return lambda value: (
        (type(value) is float or type(value) is int) and low <= value <= high and value > above
    )


def _whole_number(schema: Mapping[str, Any]) -> Test:
    is_number = _number(schema)
    return lambda value: is_number(value) and (type(value) is int or value.is_integer())


def _list(schema: Mapping[str, Any]) -> Test:
    longest = schema.get("maxItems", math.inf)
    item = compiled(schema["items"]) if "items" in schema else None
    return lambda value: (
        type(value) is list and len(value) <= longest and (item is None or all(map(item, value)))
    )


def _object(schema: Mapping[str, Any]) -> Test:
    required = tuple(schema.get("required", ()))
    least, most = schema.get("minProperties", 0), schema.get("maxProperties", math.inf)
    longest = schema.get("propertyNames", {}).get("maxLength", math.inf)
    rules = {key: compiled(rule) for key, rule in schema.get("properties", {}).items()}
    others = compiled(schema["additionalProperties"]) if "additionalProperties" in schema else None

    def test(value: Any) -> bool:
        if type(value) is not dict or not least <= len(value) <= most:
            return False
        for key in required:
            if key not in value:
                return False
        for key, item in value.items():
            rule = rules.get(key, others)
            if len(key) > longest or (rule is not None and not rule(item)):
                return False
        return True

    return test


_BY_TYPE: Mapping[str, Callable[[Mapping[str, Any]], Test]] = {
    "string": _text,
    "number": _number,
    "integer": _whole_number,
    "array": _list,
    "object": _object,
    "boolean": lambda _: lambda value: type(value) is bool,
    "null": lambda _: _is_null,
}
