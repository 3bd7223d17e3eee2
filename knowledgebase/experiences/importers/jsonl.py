"""TuneLore JSON Lines, plain or gzip: one record a line. It reads; it stores nothing."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from tunelore.record import MAX_RECORD_BYTES, RecordError, parse

# The digits of a pretty-printed record; a longer line is no record, whatever stands in it.
MAX_LINE_BYTES = 4 * MAX_RECORD_BYTES


class Unreadable(Exception):
    """The file, or one line of it, cannot be read; the message names the line."""


def read(path: Path) -> Iterator[object | Unreadable]:
    """The records of a file in order; a line that is none comes as Unreadable, and reading goes on.

    Raises Unreadable where the file itself breaks off. Memory stays at one line.
    """
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    raise Unreadable(f"line {number} is longer than {MAX_LINE_BYTES:,} bytes")
                if line.strip():
                    yield _record(line, number)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(f"after line {number}: {error}") from error


def _record(line: bytes, number: int) -> object | Unreadable:
    try:
        record: object = parse(line)
    except RecordError as error:
        return Unreadable(f"line {number}: {error}")
    return record
