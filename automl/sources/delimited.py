"""CSV and TSV text to a table. TSV has no quoting: a quotation mark is a character of the text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from automl.sources.raw import check_rows, refuse
from automl.sources.tables import Table

MAX_CELL = 2**24
SHOWN = 10


def read_delimited(text: str, delimiter: str) -> Table:
    """The whole file. Raises SourceError for ragged rows, an open quote or doubled column names, with line numbers."""
    before = csv.field_size_limit(MAX_CELL)
    try:
        parsed = list(_parse(text, delimiter))
    except csv.Error as error:
        raise refuse(
            "malformed", f"{error}" if "line" in str(error) else f"not readable as a table: {error}"
        ) from error
    finally:
        csv.field_size_limit(before)
    if not parsed:
        raise refuse("no_rows", "the file has no rows")
    (_, header), body = parsed[0], parsed[1:]
    _check_header(header, delimiter)
    wrong = [(line, len(row)) for line, row in body if len(row) != len(header)]
    if wrong:
        shown = ", ".join(f"line {line} has {count}" for line, count in wrong[:SHOWN])
        raise refuse("ragged_rows", f"expected {len(header)} fields in each row: {shown}")
    return Table(list(header), [list(row) for _, row in body], [line for line, _ in body])


def _parse(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(first line, fields) of each row that is not blank."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE,
        strict=True,
    )
    count = -1  # the first row is the header
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            where = f"line {start}"
            if reader.line_num > start or "unexpected end of data" in str(error):
                where += f": a quoted field that starts here does not end properly (noticed in line {reader.line_num})"
            raise csv.Error(f"{where}: {error}") from error
        if row:
            count += 1
            check_rows(count)
            yield start, row


def _check_header(header: list[str], delimiter: str) -> None:
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise refuse("duplicate_column", f"duplicate column name {doubled[0][:60]!r}")
    if len(header) == 1 and delimiter == "," and ("\t" in header[0] or ";" in header[0]):
        found = "a tab" if "\t" in header[0] else "a semicolon"
        raise refuse(
            "wrong_delimiter", f"only one column found: the delimiter looks like {found}, not a comma"
        )
