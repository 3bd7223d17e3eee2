"""Canonical JSON (RFC 8785) and digests over it: one value, one text. Knows nothing of records' meaning."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from json.encoder import encode_basestring as _quoted
from typing import Any

from tunelore.record.problems import Problem, RecordError, shown

MAX_DEPTH = 600


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of a JSON value, as UTF-8 bytes.

    Keys sorted by UTF-16 code units, numbers as ECMAScript writes a double (so 1.0 and 1 are one text, and
    integers beyond 2**53 are rounded as a double is). Raises RecordError for what JSON cannot hold.
    """
    parts: list[str] = []
    _write(value, parts.append, 1)
    try:
        return "".join(parts).encode("utf-8")
    except UnicodeEncodeError:
        raise RecordError([Problem("", "not valid Unicode: a lone surrogate cannot be encoded")]) from None


def sha256_of(value: Any) -> str:
    """The text "sha256:" and 64 hexadecimal digits over the canonical form."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def _write(value: Any, put: Callable[[str], None], depth: int) -> None:
    if value is None or isinstance(value, bool):
        put({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, str):
        put(_quoted(value))
    elif isinstance(value, (int, float)):
        put(number_text(value))
    elif depth > MAX_DEPTH:
        raise RecordError([Problem("", f"nested deeper than {MAX_DEPTH} levels")])
    elif isinstance(value, dict):
        _write_object(value, put, depth)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            put("," if index else "[")
            _write(item, put, depth + 1)
        put("]" if value else "[]")
    else:
        raise RecordError([Problem("", f"{type(value).__name__} is not a JSON type: {shown(value)}")])


def _write_object(value: dict[Any, Any], put: Callable[[str], None], depth: int) -> None:
    # For ASCII the order of UTF-16 units is Python's own; anything but text has no isascii.
    is_plain = all(isinstance(key, str) and key.isascii() for key in value)
    for index, key in enumerate(sorted(value) if is_plain else sorted(value, key=_utf16)):
        put("," if index else "{")
        put(_quoted(key))
        put(":")
        _write(value[key], put, depth + 1)
    put("}" if value else "{}")


def _utf16(key: Any) -> bytes:
    if not isinstance(key, str):
        raise RecordError([Problem("", f"an object's key must be text, not {shown(key)}")])
    return key.encode("utf-16-be", "surrogatepass")


def number_text(value: int | float) -> str:
    """A number as ECMAScript's Number::toString writes it (RFC 8785, section 3.2.2.3).

    Python finds the same shortest digits but places the point and the exponent differently.
    """
    try:
        double = float(value)
    except OverflowError:
        double = math.inf
    if not math.isfinite(double):
        raise RecordError([Problem("", f"number out of range: {shown(value)}")])
    if double == 0:
        return "0"
    written = repr(double)
    if "e" not in written:
        # Without an exponent (1e-4 to 1e16) both write the same, but for a fraction that is nothing.
        return written.removesuffix(".0")
    sign = "-" if double < 0 else ""
    digits, point = _digits(abs(double))
    return sign + _placed(digits, point)


def _digits(double: float) -> tuple[str, int]:
    """The shortest digits d and the place n of the point: the value is 0.d times 10**n."""
    mantissa, _, exponent = repr(double).partition("e")
    whole, _, fraction = mantissa.partition(".")
    all_digits = whole + fraction
    leading = len(all_digits) - len(all_digits.lstrip("0"))
    point = len(whole) - leading + int(exponent or 0)
    return all_digits.strip("0"), point


def _placed(digits: str, point: int) -> str:
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return digits[0] + ("." + digits[1:] if count > 1 else "") + exponent
