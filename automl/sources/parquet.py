"""Parquet files to a table."""

from __future__ import annotations

from pathlib import Path

from automl.sources.raw import MAX_BYTES, refuse
from automl.sources.tables import Table


def read_parquet(path: Path) -> Table:
    """The whole file, refused when it would be too large in memory. Lines are counted as rows from 1."""
    import pyarrow
    from pyarrow import parquet

    if path.stat().st_size == 0:
        raise refuse("empty_file", f"{path.name} is an empty file")
    try:
        with parquet.ParquetFile(path) as opened:
            groups = range(opened.metadata.num_row_groups)
            size = sum(opened.metadata.row_group(at).total_byte_size for at in groups)
            if size > MAX_BYTES:
                raise refuse(
                    "expands", f"{path.name} has {size:,} bytes of data, at most {MAX_BYTES:,} are read"
                )
            table = opened.read()
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise refuse("malformed", f"{path.name} is not a complete Parquet file: {error}"[:300]) from error
    columns = [column.to_pylist() for column in table.columns]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Table(list(table.column_names), rows, list(range(1, len(rows) + 1)))
