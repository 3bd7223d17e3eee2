"""Sorting by any field, page by page: values first, then what has none; equal ones by change, the same way.

A cursor holds the last row's value and number, so that the last page costs as much as the first. Knows no HTTP.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import BooleanField, Expression, F, Func, QuerySet, Value
from django.db.models.lookups import GreaterThanOrEqual, IsNull

from knowledgebase.core.errors import FieldError, Problem
from knowledgebase.experiences.expressions.fields import Field, field_named
from knowledgebase.experiences.models import Experience

KEY = "sort_key"
LEAST = -1.7976931348623157e308  # the smallest double


@dataclass(frozen=True)
class Slice:
    """One page: its rows, and a text that stands for the place behind them, "" where nothing follows."""

    rows: list[Experience]
    behind: str


class PairIs(Func):
    """`(a, b) < (c, d)` or with `>`: what both databases read as one step into an index of (a, b)."""

    output_field = BooleanField()
    conditional = True
    template, arg_joiner = "(%(expressions)s)", ", "

    def __init__(self, sign: str, *parts: Any, **extra: Any) -> None:
        self.sign = sign
        super().__init__(*parts, **extra)

    def as_sql(self, compiler: Any, connection: Any, **_extra: Any) -> Any:  # type: ignore[override]
        texts, values = zip(*(compiler.compile(part) for part in self.source_expressions), strict=True)
        sql = f"({texts[0]}, {texts[1]}) {self.sign} ({texts[2]}, {texts[3]})"
        return sql, tuple(value for some in values for value in some)


@dataclass(frozen=True)
class Ordering:
    """`field` None: by change alone, newest first."""

    field: Field | None = None
    descending: bool = True

    def apply(self, rows: QuerySet[Experience]) -> QuerySet[Experience]:
        """All rows in this order, with what they are sorted by as `sort_key`; for streams, which end."""
        if self.field is None:
            return rows.order_by("-change_seq")
        by = F(KEY).desc(nulls_last=True) if self.descending else F(KEY).asc(nulls_last=True)
        return self._keyed(rows).order_by(by, self._by_change())

    def page(self, rows: QuerySet[Experience], cursor: str, size: int) -> Slice:
        """At most `size` rows behind a cursor that an earlier page gave; Problem 400 for any other text.

        Rows with a value and rows without one are two queries, the second only where the first leaves room: each
        then reads one index in its own order, whichever the direction, from where the cursor points to.
        """
        value, number = self._read(cursor) if cursor else (None, None)
        if self.field is None:
            light = rows if number is None else rows.filter(change_seq__lt=number)
            found = list(light.order_by("-change_seq")[: size + 1])
        else:
            found = self._with_value(rows, value, number, size) if not cursor or value is not None else []
            if len(found) <= size:
                behind = number if value is None else None
                found += self._without_value(rows, behind, size - len(found))
        return Slice(found[:size], self._cursor_of(found[size - 1]) if len(found) > size else "")

    def _keyed(self, rows: QuerySet[Experience]) -> QuerySet[Experience]:
        assert self.field is not None
        return rows.annotate(**{KEY: self.field.sortable()})

    def _by_change(self) -> str:
        # Equal ones in the same direction: an index of (value, change) gives both orders, read from either end.
        return "-change_seq" if self.descending else "change_seq"

    def _has_value(self) -> Expression:
        """True where there is something to sort by, in words that SQLite too reads as a place in an index.

        It walks through all that is NULL to find what is not; to what is at least something it goes at once.
        """
        if self.field is not None and self.field.path:
            return GreaterThanOrEqual(F(KEY), Value(LEAST))
        if self.field is not None and self.field.kind == "number":
            return GreaterThanOrEqual(F(KEY), Value(0))  # scores, seconds, bytes and rows are never below
        return IsNull(F(KEY), False)

    def _with_value(
        self, rows: QuerySet[Experience], value: Any, number: int | None, size: int
    ) -> list[Experience]:
        there = self._keyed(rows).filter(self._has_value())
        if number is not None:
            sign = "<" if self.descending else ">"
            there = there.filter(PairIs(sign, F(KEY), F("change_seq"), Value(value), Value(number)))
        # Without a word on NULLs, of which there are none here: with one PostgreSQL would not take the index.
        by = F(KEY).desc() if self.descending else F(KEY).asc()
        return list(there.order_by(by, self._by_change())[: size + 1])

    def _without_value(self, rows: QuerySet[Experience], number: int | None, size: int) -> list[Experience]:
        absent = self._keyed(rows).filter(IsNull(F(KEY), True))
        if number is not None:
            absent = absent.filter(**{f"change_seq__{'lt' if self.descending else 'gt'}": number})
        return list(absent.order_by(self._by_change())[: size + 1])

    def _cursor_of(self, row: Experience) -> str:
        """A text for a URL that stands for the place behind this row."""
        value = getattr(row, KEY, None)
        if isinstance(value, datetime):
            value = {"time": value.isoformat()}
        data = json.dumps([value, row.change_seq], separators=(",", ":"))
        return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")

    def _read(self, cursor: str) -> tuple[Any, int]:
        try:
            value, number = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if isinstance(value, dict):
                value = datetime.fromisoformat(value["time"]).astimezone(UTC)
            fits = value is None or (isinstance(value, self._types()) and _storable(value))
            if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**63 and fits:
                return value, number
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError, binascii.Error):
            pass
        detail = "the cursor is not one of this list; take it from 'next' of an answer"
        raise Problem(400, "invalid_cursor", "Invalid cursor", detail, [FieldError("cursor", detail)])

    def _types(self) -> tuple[type, ...]:
        kind = "number" if self.field is None or self.field.path else self.field.kind
        return {"text": (str,), "time": (datetime,), "flag": (bool,)}.get(kind, (int, float))


def _storable(value: object) -> bool:
    """Whether a database can compare with it (cursors are anybody's to write); ValueError for half a character."""
    if isinstance(value, str):
        return b"\0" not in value.encode()
    if isinstance(value, int):
        return abs(value) < 2**63
    return not isinstance(value, float) or math.isfinite(value)


def ordering(text: str) -> Ordering:
    """From `score`, `-h.learning_rate` and the like; "" is newest first. Problem 400 for an unknown field."""
    if not text:
        return Ordering()
    name = text.removeprefix("-")
    if name.lower() == "id":
        detail = "ids do not sort; leave the order away for newest first"
        raise Problem(400, "invalid_order", "Invalid order", detail, [FieldError("order", detail)])
    return Ordering(field_named(name), text.startswith("-"))
