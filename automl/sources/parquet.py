"""Parquet files (also .gz) to a table: only the columns that are wanted, refused before they fill the memory."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from automl.sources.raw import MAX_BYTES, check_rows, read_bytes, refuse
from automl.sources.tables import Table


def read_parquet(path: Path, wanted: Collection[str] | None = None) -> Table:
    """All rows of the wanted columns, of all where none are named. Lines are counted as rows from 1.

    Where a wanted column is missing, the table has all names and no row.
    """
    import pyarrow
    from pyarrow import parquet

    if path.stat().st_size == 0:
        raise refuse("empty_file", f"{path.name} is an empty file")
    content = pyarrow.py_buffer(read_bytes(path)) if path.suffix == ".gz" else None

    def source() -> Any:
        return path if content is None else pyarrow.BufferReader(content)

    try:
        with parquet.ParquetFile(source()) as opened:
            schema = opened.schema_arrow
        names = [name for name in schema.names if wanted is None or name in wanted]
        if wanted is not None and not set(wanted) <= set(names):
            return Table(list(schema.names), [], [])
        if len(set(schema.names)) < len(schema.names):
            raise refuse("duplicate_column", f"{path.name} has two columns of one name")
        texts = [name for name in names if _is_text(schema.field(name).type)]
        # Texts stay in their dictionary: a few bytes can say "the same megabyte again" a million times.
        with parquet.ParquetFile(source(), read_dictionary=texts) as opened:
            _check_size(opened, path.name)
            table = opened.read(columns=names)
    except (pyarrow.ArrowException, OSError) as error:
        raise refuse("malformed", f"{path.name} is not a complete Parquet file: {error}"[:300]) from error
    expanded = sum(_text_bytes(chunk) for column in table.columns for chunk in column.chunks)
    if expanded > MAX_BYTES:
        raise refuse("expands", f"{path.name} has {expanded:,} bytes of text, at most {MAX_BYTES:,} are read")
    columns = [column.to_pylist() for column in table.columns]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Table(list(table.column_names), rows, list(range(1, len(rows) + 1)))


def _check_size(opened: Any, name: str) -> None:
    check_rows(opened.metadata.num_rows, name)
    groups = range(opened.metadata.num_row_groups)
    size = sum(opened.metadata.row_group(at).total_byte_size for at in groups)
    if size > MAX_BYTES:
        raise refuse("expands", f"{name} has {size:,} bytes of data, at most {MAX_BYTES:,} are read")


def _is_text(kind: Any) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind))


def _text_bytes(chunk: Any) -> int:
    """Bytes of all texts of a column's part, counted without writing them out."""
    import pyarrow
    from pyarrow import compute

    if not pyarrow.types.is_dictionary(chunk.type):
        return int(chunk.nbytes)
    lengths = compute.cast(compute.binary_length(chunk.dictionary), "int64")
    return int(compute.sum(compute.take(lengths, chunk.indices)).as_py() or 0)
