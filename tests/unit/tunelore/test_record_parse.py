"""Strict parsing: what is refused, and that the place is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tunelore import record


def refusal(data: bytes | str) -> str:
    with pytest.raises(record.RecordError) as caught:
        record.parse(data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"metrics": {"f1": NaN}}', "/metrics/f1: not JSON: NaN"),
        ("[1, -Infinity]", "/1: not JSON: -Infinity"),
        ('{"a/b": {"c~d": 1e999}}', "/a~1b/c~0d: number out of range: '1e999'"),
        ("[" + "9" * 5000 + "]", "/0: number out of range: an integer of 5000 digits"),
        ("[" + "9" * 309 + "]", "/0: number out of range: an integer of 309 digits"),
        ('[{"a": 1, "b": 2, "a": 1}]', "/0: duplicate key 'a'"),
        ('{"a": {"b": "\\ud800"}}', "/a/b: not valid Unicode: lone surrogate"),
        ('{"a": {"\\udc00": 1}}', "/a: not valid Unicode: lone surrogate in the key"),
        ('{"a": 1} x', "not JSON: Extra data (line 1, column 10)"),
        ("", "not JSON: Expecting value (line 1, column 1)"),
        ('"tab\there"', "not JSON: Invalid control character"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8: byte 0xff at offset 0"),
        (b'\xef\xbb\xbf{"a":1}', "begins with a byte order mark; send UTF-8 without it"),
        ("[" * 600 + "]" * 600, "nested deeper than 512 levels"),
        ("[" * 1_000_000, "nested deeper than 512 levels"),
        ('{"a":' * 200_000, "nested deeper than 512 levels"),
    ],
)
def test_refused_with_its_place(text: bytes | str, message: str) -> None:
    assert message in refusal(text)


def test_every_place_is_named_at_once() -> None:
    with pytest.raises(record.RecordError) as caught:
        record.parse('{"b": NaN, "a": [1e400, {"x": 1, "x": 2}]}')
    assert [problem.pointer for problem in caught.value.problems] == ["/a/0", "/a/1", "/b"]


def test_many_problems_are_cut() -> None:
    with pytest.raises(record.RecordError) as caught:
        record.parse("[" + ",".join(["NaN"] * 100_000) + "]")
    assert len(caught.value.problems) == 200


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=15,
    )
)
def test_plain_json_is_read_as_it_is(value: Any) -> None:
    assert record.parse(json.dumps(value)) == value
    assert record.parse(json.dumps(value, ensure_ascii=False).encode()) == value
