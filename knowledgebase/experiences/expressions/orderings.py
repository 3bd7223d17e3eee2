"""Sorting by any field, page by page: values first, then what has none, equal ones by newest change.

A cursor holds the last row's value and number, so that the last page costs as much as the first. Knows no HTTP.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Expression, F, Q, QuerySet
from django.db.models.lookups import Exact, GreaterThan, IsNull, LessThan

from knowledgebase.core.errors import FieldError, Problem
from knowledgebase.experiences.expressions.fields import Field, field_named
from knowledgebase.experiences.models import Experience

KEY = "sort_key"


@dataclass(frozen=True)
class Ordering:
    """`field` None: by change alone, newest first."""

    field: Field | None = None
    descending: bool = True

    def apply(self, rows: QuerySet[Experience]) -> QuerySet[Experience]:
        """The rows in this order, with what they are sorted by as `sort_key`."""
        if self.field is None:
            return rows.order_by("-change_seq")
        keyed = rows.annotate(**{KEY: self.field.sortable()})
        by = F(KEY).desc(nulls_last=True) if self.descending else F(KEY).asc(nulls_last=True)
        return keyed.order_by(by, "-change_seq")

    def after(self, rows: QuerySet[Experience], cursor: str) -> QuerySet[Experience]:
        """What follows a cursor that `cursor_of` gave; Problem 400 for any other text."""
        value, number = self._read(cursor)
        later = Q(change_seq__lt=number)
        if self.field is None:
            return rows.filter(later)
        key = F(KEY)
        if value is None:
            return rows.filter(Q(IsNull(key, True)) & later)
        further: Expression = LessThan(key, value) if self.descending else GreaterThan(key, value)
        return rows.filter(Q(further) | (Q(Exact(key, value)) & later) | Q(IsNull(key, True)))

    def cursor_of(self, row: Experience) -> str:
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
                value = datetime.fromisoformat(value["time"])
            fits = value is None or isinstance(value, self._types())
            if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**63 and fits:
                return value, number
        except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
            pass
        detail = "the cursor is not one of this list; take it from 'next' of an answer"
        raise Problem(400, "invalid_cursor", "Invalid cursor", detail, [FieldError("cursor", detail)])

    def _types(self) -> tuple[type, ...]:
        kind = "number" if self.field is None or self.field.path else self.field.kind
        return {"text": (str,), "time": (datetime,), "flag": (bool,)}.get(kind, (int, float))


def ordering(text: str) -> Ordering:
    """From `score`, `-h.learning_rate` and the like; "" is newest first. Problem 400 for an unknown field."""
    if not text:
        return Ordering()
    name = text.removeprefix("-")
    if name.lower() == "id":
        detail = "ids do not sort; leave the order away for newest first"
        raise Problem(400, "invalid_order", "Invalid order", detail, [FieldError("order", detail)])
    return Ordering(field_named(name), text.startswith("-"))
