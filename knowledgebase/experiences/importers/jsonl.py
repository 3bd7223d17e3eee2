"""TuneLore's own records: JSON Lines, plain or gzip, and one record or a list of them as JSON. It stores nothing."""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tunelore import record as records
from tunelore.record import MAX_RECORD_BYTES, RecordError, parse

from knowledgebase.experiences.importers.items import Found, Item, Refused, Source, Unreadable
from knowledgebase.experiences.importers.texts import read_bytes

# The digits of a pretty-printed record; a longer line is no record, whatever stands in it.
MAX_LINE_BYTES = 4 * MAX_RECORD_BYTES


def read(source: Source) -> Iterator[Item]:
    """The records of one file in order; a line that is none is refused, and reading goes on.

    A file that breaks off is refused from there on. Memory stays at one line; a .json file is read whole.
    """
    [path] = source.paths
    if path.suffix == ".json":
        yield from _whole(path)
        return
    number = 0
    try:
        with path.open("rb") as raw, gzip.open(raw) if path.suffix == ".gz" else raw as file:
            size = os.fstat(raw.fileno()).st_size or 1
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    yield Refused(path.name, f"line {number} is longer than {MAX_LINE_BYTES:,} bytes")
                    return
                if number == 1:
                    # What some editors put before everything is no part of the first record.
                    line = line.removeprefix(codecs.BOM_UTF8)
                    if line.lstrip().startswith(b"["):
                        yield Refused(
                            path.name, "is a JSON list, not one record a line; name it .json to have it read"
                        )
                        return
                if line.strip():
                    yield _item(line, f"{path.name} line {number}", min(raw.tell() / size, 1.0))
    except (OSError, EOFError, zlib.error) as error:
        yield Refused(path.name, f"after line {number}: {error}")


def _whole(path: Path) -> Iterator[Item]:
    try:
        value = parse(read_bytes(path))
    except (RecordError, Unreadable) as error:
        yield Refused(path.name, str(error))
        return
    if not isinstance(value, list):
        yield Found(path.name, value)
        return
    for place, record in enumerate(value, start=1):
        yield Found(f"{path.name} record {place}", record, share=place / len(value))


def _item(line: bytes, place: str, share: float) -> Item:
    try:
        return Found(place, parse(line), share=share)
    except RecordError as error:
        return Refused(place, str(error), share=share)


def write(rows: Iterable[Mapping[str, Any]], file: BinaryIO) -> None:
    """The canonical record of each, one a line."""
    for record in rows:
        file.write(records.canonical(record) + b"\n")
