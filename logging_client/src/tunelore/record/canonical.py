"""Canonical JSON (RFC 8785) and digests over it: one value, one text. Knows nothing of records' meaning."""

from __future__ import annotations

import hashlib
import math
from json.encoder import encode_basestring as _quoted
from typing import Any

from tunelore.record.problems import Problem, RecordError, shown

MAX_DEPTH = 600
EXACT = 2**53  # whole numbers up to here are doubles


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of a JSON value, as UTF-8 bytes.

    Keys sorted by UTF-16 code units, numbers as ECMAScript writes a double (so 1.0 and 1 are one text, and
    integers beyond 2**53 are rounded as a double is). Raises RecordError for what JSON cannot hold.
    """
    try:
        return _written(value, 1).encode("utf-8")
    except RecursionError:
        raise _too_deep() from None
    except UnicodeEncodeError:
        raise RecordError([Problem("", "not valid Unicode: a lone surrogate cannot be encoded")]) from None


def sha256_of(value: Any) -> str:
    """The text "sha256:" and 64 hexadecimal digits over the canonical form."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def _written(value: Any, depth: int) -> str:
    """One frame of the stack a level, and a call for what has levels below it: this is most of what a digest costs."""
    kind = type(value)
    if kind is dict:
        if depth > MAX_DEPTH:
            raise _too_deep()
        members = []
        for key in _in_order(value):
            item = value[key]
            text = _quoted(item) if type(item) is str else _written(item, depth + 1)
            members.append(f"{_quoted(key)}:{text}")
        return "{" + ",".join(members) + "}"
    if kind is float or kind is int:
        return number_text(value)
    if kind is list or kind is tuple:
        if depth > MAX_DEPTH:
            raise _too_deep()
        items = []
        for item in value:  # a comprehension would be a frame more
            items.append(_written(item, depth + 1))
        return "[" + ",".join(items) + "]"
    if value is None or value is True or value is False:
        return "null" if value is None else "true" if value else "false"
    return _written_by_class(value, depth)


def _too_deep() -> RecordError:
    return RecordError([Problem("", f"nested deeper than {MAX_DEPTH} levels")])


def _written_by_class(value: Any, depth: int) -> str:
    """Texts; and values of classes made from JSON's types, such as an enumeration's member or a NumPy float."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, (dict, list, tuple)):
        return _written(dict(value) if isinstance(value, dict) else list(value), depth)
    raise RecordError([Problem("", f"{type(value).__name__} is not a JSON type: {shown(value)}")])


def _in_order(value: dict[Any, Any]) -> list[Any]:
    try:
        is_plain = "".join(value).isascii()
    except TypeError:
        is_plain = False
    # For ASCII the order of UTF-16 units is Python's own.
    return sorted(value) if is_plain else sorted(value, key=_utf16)


def _utf16(key: Any) -> bytes:
    if not isinstance(key, str):
        raise RecordError([Problem("", f"an object's key must be text, not {shown(key)}")])
    return key.encode("utf-16-be", "surrogatepass")


def number_text(value: int | float) -> str:
    """A number as ECMAScript's Number::toString writes it (RFC 8785, section 3.2.2.3).

    Python finds the same shortest digits but places the point and the exponent differently.
    """
    if type(value) is int:
        if -EXACT <= value <= EXACT:
            return repr(value)
    elif type(value) is float and -EXACT < value < EXACT:
        written = repr(value)
        if "e" not in written and not written.endswith(".0"):
            return written
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
