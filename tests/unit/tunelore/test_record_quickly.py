"""The quick ways through parsing, checking and writing against the close ones: they never say anything else."""

from __future__ import annotations

import copy
import enum
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tunelore import record
from tunelore.record import parsing, validation
from tunelore.record.compiled import compiled
from tunelore.record.plain import MAX_DEPTH, plain
from tunelore.record.schema_check import violations

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
)
MISTAKES = st.sampled_from(
    [
        '"',
        ":",
        ",",
        "{",
        "]",
        "\\",
        "1e999",
        "NaN",
        '"a":1,"a":2,',
        " :",
        "\\ud800",
        "9" * 320,
        "\n",
        "-",
        "\ufeff",
    ]
)
MEMBERS = st.sampled_from(
    [
        *(
            None,
            True,
            0,
            -1,
            3.0,
            0.5,
            2**53,
            2**70,
            "",
            "ok",
            "oom",
            "x" * 301,
            "a\0b",
            [],
            {},
            [1],
            {"a": 1},
        ),
        *("2026-02-30T10:00:00Z", "2026-11-20T10:00:00+05:30", "tokens-sha256:" + "0" * 64, {"y" * 201: 1}),
        *({str(number): 1 for number in range(101)}, ["x"] * 65, {"status": "ok"}, {"source": "s"}, "€"),
    ]
)


def nested(levels: int, kind: type) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value} if kind is dict else [value]
    return value


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(place for key, member in members for place in places(member, (*path, key)))]


def closely(text: str) -> Any:
    """What the close way says: a value, or the text of its refusal."""
    try:
        return parsing._parsed_closely(text)
    except record.RecordError as error:
        return str(error)


@given(value=json_values, mistakes=st.lists(st.tuples(st.floats(0, 1), MISTAKES), max_size=2))
def test_a_text_that_is_parsed_quickly_is_parsed_to_the_same(
    value: Any, mistakes: list[tuple[float, str]]
) -> None:
    text = json.dumps({"value": value}, separators=(",", ":"))
    for where, mistake in mistakes:
        at = round(where * len(text))
        text = text[:at] + mistake + text[at:]
    found = parsing._parsed_plainly(text)
    if found is not None:
        # As text, since 1, 1.0 and True are equal.
        assert json.dumps(found) == json.dumps(closely(text))


def test_an_ordinary_record_is_parsed_quickly(ok_record: dict[str, Any]) -> None:
    for text in (json.dumps(ok_record), json.dumps(ok_record, indent=1), json.dumps([ok_record] * 3)):
        assert parsing._parsed_plainly(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}', '{"a" :1,"a":1,"b":"\\":"}', '{"a":1,"a"\n:1,"b":"\\":"}', "[1e999]", "[-1e999]", "[NaN]",
        '["\\ud800"]', '{"\\udc00":1}', "[" + "9" * 310 + "]", "[" + "9" * 5000 + "]", "[1] x", "", "1", "null",
        "[" * 513 + "]" * 513, '{"a":' * 513 + "1" + "}" * 513,
    ],
)  # fmt: skip
def test_what_is_odd_is_looked_at_closely(text: str) -> None:
    assert parsing._parsed_plainly(text) is None


@pytest.mark.parametrize("kind", [dict, list])
def test_nesting_is_counted_alike_quickly_and_closely(kind: type) -> None:
    assert plain(nested(MAX_DEPTH, kind)) is not None
    assert plain(nested(MAX_DEPTH + 1, kind)) is None
    assert record.parse(json.dumps(nested(MAX_DEPTH, kind)))
    with pytest.raises(record.RecordError, match="nested deeper than 512"):
        record.parse(json.dumps(nested(MAX_DEPTH + 1, kind)))


@pytest.mark.parametrize(
    "value",
    [
        *(
            "text",
            1,
            None,
            {1: 2},
            {"a": (1, 2)},
            {"a": b"x"},
            {"a": {1}},
            [float("nan")],
            [float("inf")],
            [10**400],
        ),
        *(["\ud800"], {"\ud800": 1}, [enum.IntEnum("Level", ["LOW"])(1)], [type("Text", (str,), {})("x")]),
    ],
)
def test_only_what_json_has_is_plain(value: object) -> None:
    assert plain(value) is None


@given(value=json_values)
def test_the_canonical_form_never_takes_more_than_was_said(value: Any) -> None:
    found = plain([value])
    if found is not None:
        assert len(record.canonical([value])) <= found.most_bytes
        assert found.has_nul == ("\\u0000" in json.dumps(value))


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_quick_yes_is_a_yes_and_a_quick_no_a_no(
    data: st.DataObject, cast: dict[str, dict[str, Any]]
) -> None:
    value: Any = copy.deepcopy(cast[data.draw(st.sampled_from(sorted(cast)))])
    for _ in range(data.draw(st.integers(0, 2))):
        path = data.draw(st.sampled_from(places(value)))
        parent = value
        for key in path[:-1]:
            parent = parent[key]
        if path:
            parent[path[-1]] = copy.deepcopy(data.draw(MEMBERS))
    for rules, is_shaped, more in (
        (validation._record_schema(), validation._is_record(), validation._outcome_problems),
        (validation._run_schema(), validation._is_run(), validation._premature_problems),
    ):
        assert is_shaped(value) == (not list(violations(rules, value, "")))
        assert validation._is_surely_valid(value, is_shaped, more) == (
            not validation._answer(value, rules, more)
        )


def test_every_kind_of_rule_can_say_no() -> None:
    wrong: list[tuple[dict[str, Any], object]] = [
        ({"const": "a"}, "b"), ({"enum": ["a"]}, "b"), ({"type": "boolean"}, 1), ({"type": "null"}, False),
        ({"type": "integer"}, 1.5), ({"type": "number"}, True), ({"type": "number", "exclusiveMinimum": 0}, 0),
        ({"type": "string", "pattern": "^a$"}, "a\n"), ({"type": "array", "items": {"type": "null"}}, [1]),
        ({"type": "object", "minProperties": 1}, {}),
        ({"type": "object", "propertyNames": {"maxLength": 1}}, {"ab": 1}),
        ({"anyOf": [{"type": "string"}, {"type": "boolean"}, {"type": "null"}]}, 1),
    ]  # fmt: skip
    for schema, value in wrong:
        assert list(violations(schema, value, "")), schema
        assert not compiled(schema)(value), schema


def test_a_record_may_nest_to_the_bound(ok_record: dict[str, Any]) -> None:
    ok_record["of_tomorrow"] = nested(500, dict)
    assert record.check(ok_record) == []
    assert record.digest(ok_record).startswith("sha256:")
    ok_record["of_tomorrow"] = nested(590, dict)
    assert any("nested deeper than 512" in problem.message for problem in record.check(ok_record))


def test_numbers_of_other_classes_are_written_as_numbers() -> None:
    class Half(float):
        def __repr__(self) -> str:
            return "Half()"

    level = enum.IntEnum("Level", ["LOW", "HIGH"])
    assert record.canonical([Half(0.5), level.HIGH, True, -0.0, 2.0, 1e-5]) == b"[0.5,2,true,0,2,0.00001]"
