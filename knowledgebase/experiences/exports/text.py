"""Experiences as text: whole records a line, or chosen fields as CSV. It knows no HTTP and no filters."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from tunelore import record as records

from knowledgebase.experiences.expressions import Field
from knowledgebase.experiences.models import Experience

# What people look at first, where they name no fields.
USUAL_FIELDS = (
    "id", "task", "language_model", "method", "status", "cause", "metric", "score", "seconds", "memory",
    "train_rows", "started", "h.learning_rate", "h.epochs", "h.batch_size",
)  # fmt: skip
SAMPLE_ROWS = 100
# A cell that begins so is run as a formula by spreadsheets; where East Asian text is typed, by the wide forms too.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Line:
    """A file for the csv module that hands each line on."""

    def write(self, text: str) -> str:
        return text


def ndjson(rows: Iterable[Experience]) -> Iterator[bytes]:
    """The canonical record of each row, one a line: what `import_experiences` reads."""
    for row in rows:
        yield records.canonical(row.record) + b"\n"


def ndjson_fields(rows: Iterable[Experience], fields: Sequence[Field]) -> Iterator[bytes]:
    """One flat object a line."""
    for row in rows:
        yield json.dumps(flat(row, fields), default=str).encode() + b"\n"


def comma_separated(rows: Iterable[Experience], fields: Sequence[Field]) -> Iterator[bytes]:
    """A header and one line a row (UTF-8, RFC 4180); lists and objects as JSON, nothing for what is missing."""
    writer = csv.writer(Line())
    yield writer.writerow([field.name for field in fields]).encode()
    for row in rows:
        values = flat(row, fields)
        yield writer.writerow([cell(values[field.name]) for field in fields]).encode()


def flat(row: Experience, fields: Sequence[Field]) -> dict[str, object]:
    """A row of `selectors.experience_fields` as one object of the fields asked for, and its id."""
    values = {field.name: getattr(row, f"field_{place}") for place, field in enumerate(fields)}
    return {"id": str(row.pk), **values}


def cell(value: object) -> object:
    """A value as a spreadsheet may safely open it; numbers stay numbers."""
    if isinstance(value, dict | list):
        value = json.dumps(value)
    if isinstance(value, str):
        return "'" + value if value.startswith(FORMULA_STARTS) else value
    return "" if value is None else value


def length_estimate(
    send: Callable[[Sequence[Experience]], Iterator[bytes]], first: Sequence[Experience], rows: int
) -> int:
    """Bytes of so many rows, from the `first` of them, at most SAMPLE_ROWS: exact where these are all.

    Each further row is taken for one of the sample's second half: what a form writes once (a heading, a footer, a
    dictionary of texts) stands in the first half already. It is as good as the first rows are like the others.
    """

    def length(some: Sequence[Experience]) -> int:
        return sum(map(len, send(some)))

    whole, half = length(first), len(first) // 2
    if rows <= len(first) or not half:
        return whole
    return whole + (whole - length(first[:half])) * (rows - len(first)) // (len(first) - half)
