"""Experiences as Parquet: typed columns, a row group at a time. It knows no HTTP and no filters.

A field that may hold anything becomes two columns: its numbers under its name, and `<name>:text` with what is no
number, as JSON; so numbers stay numbers and nothing is lost. The column `record` holds whole canonical records.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from tunelore import record as records

from knowledgebase.experiences.expressions import Field
from knowledgebase.experiences.models import Experience

if TYPE_CHECKING:
    import pyarrow

GROUP_ROWS = 2_000
RECORD = "record"


class Pieces:
    """A file that only grows, and hands out what was written since it was last asked."""

    closed = False

    def __init__(self) -> None:
        self._new: list[bytes] = []
        self._length = 0

    def write(self, data: bytes) -> int:
        piece = bytes(data)
        self._new.append(piece)
        self._length += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._length

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        new, self._new = b"".join(self._new), []
        return new


def parquet(rows: Iterable[Experience], fields: Sequence[Field]) -> Iterator[bytes]:
    """The rows of `selectors.experience_fields`; with their records where those were read too."""
    # Late: pyarrow takes a quarter of a second and most processes never need it.
    from pyarrow import PythonFile, RecordBatch
    from pyarrow.parquet import ParquetWriter

    source, pieces = iter(rows), Pieces()
    group = list(islice(source, GROUP_ROWS))
    with_record = not group or RECORD in group[0].__dict__
    schema = schema_of(fields, with_record)
    with ParquetWriter(PythonFile(pieces, mode="w"), schema, compression="zstd") as writer:
        while group:
            columns = columns_of(group, fields, with_record)
            writer.write_batch(RecordBatch.from_pydict(columns, schema=schema))
            yield pieces.taken()
            group = list(islice(source, GROUP_ROWS))
    yield pieces.taken()


def schema_of(fields: Sequence[Field], with_record: bool) -> pyarrow.Schema:
    """`id` first, the fields in their order, the record last."""
    import pyarrow

    kinds = {
        "number": pyarrow.float64(),
        "any": pyarrow.float64(),
        "flag": pyarrow.bool_(),
        "time": pyarrow.timestamp("us", tz="UTC"),
        "text": pyarrow.string(),
    }
    columns = [("id", pyarrow.string())]
    for field in chosen(fields):
        columns.append((field.name, kinds[field.kind]))
        if field.kind == "any":
            columns.append((f"{field.name}:text", pyarrow.string()))
    if with_record:
        columns.append((RECORD, pyarrow.string()))
    return pyarrow.schema(columns)


def columns_of(
    rows: Sequence[Experience], fields: Sequence[Field], with_record: bool
) -> dict[str, list[Any]]:
    """The values of each column of `schema_of`."""
    found: dict[str, list[Any]] = {"id": [str(row.pk) for row in rows]}
    places = {field.name: place for place, field in enumerate(fields)}
    for field in chosen(fields):
        values = [getattr(row, f"field_{places[field.name]}") for row in rows]
        if field.kind == "number":
            values = [None if value is None else float(value) for value in values]
        if field.kind == "any":
            found[f"{field.name}:text"] = [
                None if value is None or is_number(value) else json.dumps(value) for value in values
            ]
            values = [float(value) if is_number(value) else None for value in values]
        found[field.name] = values
    if with_record:
        found[RECORD] = [records.canonical(row.record).decode() for row in rows]
    return found


def chosen(fields: Sequence[Field]) -> list[Field]:
    """Each once, and without the id, which is there anyway."""
    return list({field.name: field for field in fields if field.name != "id"}.values())


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
