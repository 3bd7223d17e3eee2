"""Canonical JSON against RFC 8785's own samples, and the digests over it."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tunelore import record

# RFC 8785, Appendix B: the bits of a double and the text ECMAScript gives it.
APPENDIX_B = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(("bits", "expected"), APPENDIX_B)
def test_numbers_are_written_as_ecmascript_does(bits: str, expected: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert record.canonical(value).decode() == expected


@pytest.mark.parametrize("bits", ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"])
def test_what_is_no_number_is_refused(bits: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    with pytest.raises(record.RecordError, match="out of range"):
        record.canonical(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_survives_its_text(value: float) -> None:
    assert float(json.loads(record.canonical(value))) == value


def test_keys_are_sorted_by_utf16_code_units() -> None:
    keys = ["€", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "ö"]
    written = json.loads(record.canonical(dict.fromkeys(keys, 0)), object_pairs_hook=list)
    assert [key for key, _ in written] == ["\r", "1", "\u0080", "ö", "€", "\U0001f600", "\ufb33"]


def test_strings_escape_only_what_they_must() -> None:
    assert record.canonical('€$\u000f\nA\'B"\\\\"/\u007f\u2028') == (
        '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u007f\u2028"'.encode()
    )


@given(json_values)
def test_canonical_text_is_json_and_a_fixed_point(value: Any) -> None:
    text = record.canonical(value)
    assert record.canonical(json.loads(text)) == text


@pytest.mark.parametrize("value", [{1: 2}, object(), {"a": b"x"}, "\ud800", {"\udfff": 1}, 10**400])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(record.RecordError):
        record.canonical(value)


def test_deep_nesting_is_refused_not_fatal() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(record.RecordError, match="nested deeper"):
        record.canonical(value)


def test_digest_ignores_id_and_provenance_and_nothing_else(ok_record: dict[str, Any]) -> None:
    before = record.digest(ok_record)
    assert before.startswith("sha256:")
    assert len(before) == 71
    ok_record["id"] = record.uuid7()
    ok_record["provenance"] = {"client": "another/9", "via": "peer"}
    assert record.digest(dict(reversed(list(ok_record.items())))) == before
    ok_record["fidelity"]["epochs"] = 3.0
    assert record.digest(ok_record) == before
    ok_record["fidelity"]["epochs"] = 4
    assert record.digest(ok_record) != before
