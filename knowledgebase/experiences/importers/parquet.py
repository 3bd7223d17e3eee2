"""Records as a Parquet table: the canonical record as text, and beside it the columns people group by.

What is read back is the record alone, so nothing is lost. It knows no store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from tunelore import record as records
from tunelore.record import MAX_RECORD_BYTES, RecordError, parse

from knowledgebase.experiences.importers.items import Found, Item, Refused, Source

COLUMN = "record"
ROWS = 500  # of a row group: at most 128 MiB of records
MAX_GROUP_BYTES = 1024**3
TEXTS = (
    ("id", "id"), ("started_at", "started_at"), ("finished_at", "finished_at"), ("kind", "task.kind"),
    ("task", "task.name"), ("dataset", "task.dataset.name"), ("language_model", "language_model.name"),
    ("method", "pipeline.method"), ("status", "outcome.status"), ("cause", "outcome.cause"),
    ("metric", "primary.metric"), ("split", "primary.split"),
)  # fmt: skip
NUMBERS = (
    ("score", "primary.value"), ("evaluation_s", "cost.evaluation_s"), ("train_s", "cost.train_s"),
    ("cpu_s", "cost.cpu_s"), ("host_memory_bytes", "cost.host_memory_bytes"),
    ("device_memory_bytes", "cost.device_memory_bytes"), ("train_rows", "fidelity.train_rows"),
)  # fmt: skip
SCHEMA = pa.schema(
    [(name, pa.string()) for name, _ in TEXTS]
    + [(name, pa.float64()) for name, _ in NUMBERS]
    + [pa.field(COLUMN, pa.string(), nullable=False)]
)


def read(source: Source) -> Iterator[Item]:
    """The records of one table in order; a row that holds none is refused, and reading goes on."""
    [path] = source.paths
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            problem = _problem(file)
        if problem is not None:
            yield Refused(path.name, problem)
            return
        # As a dictionary: a text that stands in a million rows is held once.
        with pq.ParquetFile(path, read_dictionary=[COLUMN]) as file:
            total = max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(batch_size=ROWS, columns=[COLUMN]):
                for value in batch.column(0):
                    number += 1
                    yield _item(value.as_py(), f"{path.name} row {number}", number / total)
    except (pa.ArrowException, OSError, ValueError, NotImplementedError) as error:
        yield Refused(path.name, f"not a complete Parquet file (after row {number}): {str(error)[:200]}")


def _problem(file: pq.ParquetFile) -> str | None:
    schema = file.schema_arrow
    if COLUMN not in schema.names:
        return f"has no column {COLUMN!r} that holds records as JSON; columns: {', '.join(schema.names[:20])}"
    kind = schema.field(COLUMN).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return f"column {COLUMN!r} holds {kind}, not text"
    for place in range(file.metadata.num_row_groups):
        size = file.metadata.row_group(place).total_byte_size
        if size > MAX_GROUP_BYTES:
            return f"row group {place} expands to {size:,} bytes, at most {MAX_GROUP_BYTES:,}"
    return None


def _item(text: str | None, place: str, share: float) -> Item:
    if text is None or len(text) > 4 * MAX_RECORD_BYTES:
        return Refused(
            place, "holds no record" if text is None else f"has {len(text):,} characters", share=share
        )
    try:
        return Found(place, parse(text), share=share)
    except RecordError as error:
        return Refused(place, str(error), share=share)


def write(rows: Iterable[Mapping[str, Any]], file: BinaryIO) -> None:
    """A table of these records; memory stays at one row group."""
    waiting = iter(rows)
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        while group := list(islice(waiting, ROWS)):
            writer.write_table(pa.Table.from_pylist([_row(record) for record in group], schema=SCHEMA))


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: _at(record, path) for name, path in TEXTS}
    numbers = {name: _at(record, path) for name, path in NUMBERS}
    whole = records.canonical(record).decode()
    return {
        **texts,
        **{name: value if value is None else float(value) for name, value in numbers.items()},
        COLUMN: whole,
    }


def _at(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
