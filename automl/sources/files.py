"""Files of users to columns and rows: CSV, TSV, JSON Lines, Parquet (each also .gz), below allowed folders.

Start from `peek` to look, or from `read_table`. Every refusal names line, column and value; a file is read whole
or not at all. It knows no labels and no questions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from automl.errors import SourceError
from automl.sources.delimited import read_delimited
from automl.sources.jsonlines import read_json_lines
from automl.sources.raw import read_text, refuse
from automl.sources.references import DatasetRef
from automl.sources.roots import confined
from automl.sources.tables import Table

PEEK_ROWS = 20


@dataclass(frozen=True)
class Peek:
    """The columns of a file and its first rows, as text."""

    columns: list[str]
    rows: list[dict[str, str]]


def named_files(ref: DatasetRef, roots: Sequence[str]) -> dict[str, list[Path]]:
    """The files of a dataset by split, `train` among them; SourceError for one outside the allowed folders."""
    if not ref.path:
        raise SourceError("missing_path", "path", f"the file dataset {ref.name[:60]!r} names no file")
    named = {"train": ref.path, "validation": ref.validation_path, "test": ref.test_path}
    return {split: [confined(name, roots, field="path")] for split, name in named.items() if name}


def peek(path: str, roots: Sequence[str], *, encoding: str = "utf-8") -> Peek:
    """Columns and the first rows, with the same checks as loading; for a person who has to name the columns."""
    table = read_table(confined(path, roots, field="path"), encoding)
    rows = [
        {name: as_text(value)[:500] for name, value in zip(table.columns, row, strict=True)}
        for row in islice(table.rows, PEEK_ROWS)
    ]
    return Peek(table.columns, rows)


def read_table(path: Path, encoding: str, wanted: Collection[str] | None = None) -> Table:
    """A file as columns and rows, by its name's ending; of Parquet only the wanted columns are read."""
    if path.is_symlink() or not path.is_file():
        raise refuse("not_a_file", f"{path.name} is not a file (links are not followed)")
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if kind == "parquet":
        from automl.sources.parquet import read_parquet

        return read_parquet(path, wanted)
    if kind not in ("csv", "tsv", "jsonl", "ndjson"):
        raise refuse("unknown_format", f"{path.name}: expected .csv, .tsv, .jsonl or .parquet, each also .gz")
    text = read_text(path, encoding)
    return (
        read_json_lines(text)
        if kind in ("jsonl", "ndjson")
        else read_delimited(text, "," if kind == "csv" else "\t")
    )


def column_at(table: Table, name: str, field: str) -> int:
    """Where a column stands; SourceError with those that there are."""
    if name not in table.columns:
        there = ", ".join(repr(column[:60]) for column in table.columns[:30])
        raise SourceError("missing_column", field, f"there is no column {name[:60]!r}; there are: {there}")
    return table.columns.index(name)


def as_text(value: object) -> str:
    """A cell as text; '' for what is missing."""
    return "" if value is None else str(value)
