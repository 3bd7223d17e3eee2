"""The head of a file, read from a bounded part of it, and a guess of which column holds texts and which labels.

For a process that must not read a whole upload. It knows no training and keeps nothing; start from `take_sample`
and `guess_columns`. Loading reads the file again, whole, with every check.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from automl.sources.delimited import MAX_CELL, read_delimited
from automl.sources.jsonlines import read_json_lines
from automl.sources.raw import decoded, refuse
from automl.sources.roots import confined
from automl.sources.rows import Rows
from automl.sources.tables import Table

HEAD_BYTES = 2**20
GROUP_BYTES = 128 * 2**20
ROWS = 1000
CELL = 2000
# In the order of trust; what people call such columns in published data sets.
LABEL_NAMES = (
    "label",
    "labels",
    "class",
    "category",
    "target",
    "intent",
    "sentiment",
    "topic",
    "emotion",
    "y",
)
LONGEST_LABEL = 60.0
MOST_LABELS_SHARE = 0.5


@dataclass(frozen=True)
class Sample:
    """Columns and first rows as text (cells cut to 2,000 characters); `is_whole` when there are no other rows.

    `table` has the same rows as the file gives them: lists of answers are lists there.
    """

    columns: list[str]
    rows: list[list[str]]
    is_whole: bool
    table: Table

    def labelled(self, text_columns: Sequence[str], label_column: str) -> Rows:
        """The sampled rows as texts and labels; KeyError for a column that is not there."""
        places = {name: at for at, name in enumerate(self.columns)}
        texts, label = [places[name] for name in text_columns], places[label_column]
        return Rows(
            ["\n".join(row[at] for at in texts) for row in self.rows], [row[label] for row in self.rows]
        )


@dataclass(frozen=True)
class Guess:
    """The likely columns; "" where nothing fits."""

    text: str
    label: str


def take_sample(name: str, roots: Sequence[str], *, encoding: str = "utf-8") -> Sample:
    """Read at most the first MiB (unpacked), or the first rows of a Parquet file. Raises SourceError.

    `encoding` is for text files only."""
    path = confined(name, roots, field="path")
    if path.is_symlink() or not path.is_file():
        raise refuse("not_a_file", f"{path.name} is not a file (links are not followed)")
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if kind == "parquet":
        table, is_whole = _parquet_head(path)
    else:
        text, is_whole = _text_head(path, encoding)
        table = _parse(text, kind, is_whole)
    head = Table(table.columns, table.rows[:ROWS], table.lines[:ROWS])
    rows = [[_text(cell)[:CELL] for cell in row] for row in head.rows]
    if not rows:
        raise refuse("no_rows", f"{path.name} has no rows")
    return Sample(table.columns, rows, is_whole and len(table.rows) <= ROWS, head)


def guess_columns(sample: Sample) -> Guess:
    """The label: a known name, else the column with the fewest values; the text: the longest of the others."""
    columns = [[row[at] for row in sample.rows] for at in range(len(sample.columns))]
    fitting = [at for at, values in enumerate(columns) if _may_be_label(sample.columns[at], values)]
    label = min(fitting, key=lambda at: (_trust(sample.columns[at]), len(set(columns[at]))), default=-1)
    others = [at for at in range(len(columns)) if at != label]
    text = max(others, key=lambda at: fmean(map(len, columns[at])), default=-1)
    return Guess(sample.columns[text] if text >= 0 else "", sample.columns[label] if label >= 0 else "")


def _text(cell: object) -> str:
    """A cell as a person reads it; what is nested as JSON."""
    if isinstance(cell, (dict, list)):
        return json.dumps(cell, ensure_ascii=False, default=str)
    return "" if cell is None else str(cell)


def _trust(name: str) -> int:
    plain = name.strip().casefold()
    return LABEL_NAMES.index(plain) if plain in LABEL_NAMES else len(LABEL_NAMES)


def _may_be_label(name: str, values: Sequence[str]) -> bool:
    filled = [value for value in values if value.strip()]
    if not filled:
        return False
    few = len(set(filled)) <= max(2, MOST_LABELS_SHARE * len(filled))
    return _trust(name) < len(LABEL_NAMES) or (few and fmean(map(len, filled)) <= LONGEST_LABEL)


def _text_head(path: Path, encoding: str) -> tuple[str, bool]:
    """The first text, cut at a line's end, and whether that is all there is."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            data = stream.read(HEAD_BYTES + 1)
    except gzip.BadGzipFile as error:
        raise refuse("not_gzip", f"{path.name} is not a gzip file") from error
    except (EOFError, zlib.error) as error:
        raise refuse("truncated", f"{path.name}: the compressed data ends early or is damaged") from error
    if not data:
        raise refuse("empty_file", f"{path.name} is an empty file")
    is_whole = len(data) <= HEAD_BYTES
    text = decoded(data, path.name, encoding, is_whole=is_whole)
    if "\0" in text:
        raise refuse(
            "nul_byte", f"{path.name}: NUL byte in line {text[: text.index(chr(0))].count(chr(10)) + 1}"
        )
    return (text, True) if is_whole else (text[: text.rfind("\n") + 1] or text, False)


def _parse(text: str, kind: str, is_whole: bool) -> Table:
    if kind in ("jsonl", "ndjson"):
        return read_json_lines(text)
    if kind not in ("csv", "tsv"):
        raise refuse(
            "unknown_format", f"expected .csv, .tsv, .jsonl (each also .gz) or .parquet, not .{kind}"
        )
    delimiter = "," if kind == "csv" else "\t"
    return read_delimited(text, delimiter) if is_whole else _cut_delimited(text, delimiter)


def _cut_delimited(text: str, delimiter: str) -> Table:
    """As far as it goes: the last row may be a part of one, and rows that do not fit are loading's to name."""
    before = csv.field_size_limit(MAX_CELL)
    try:
        lines = io.StringIO(text, newline="")
        if delimiter == ",":
            rows = list(csv.reader(lines))
        else:
            rows = list(csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE))
    except csv.Error as error:
        raise refuse("malformed", f"not readable as a table: {error}") from error
    finally:
        csv.field_size_limit(before)
    header = rows[0]
    body: list[list[object]] = [list(row) for row in rows[1:-1] if len(row) == len(header)]
    return Table(header, body, list(range(2, len(body) + 2)))


def _parquet_head(path: Path) -> tuple[Table, bool]:
    import pyarrow
    from pyarrow import parquet

    if path.stat().st_size == 0:
        raise refuse("empty_file", f"{path.name} is an empty file")
    try:
        with parquet.ParquetFile(path) as opened:
            groups = opened.metadata.num_row_groups
            size = opened.metadata.row_group(0).total_byte_size if groups else 0
            if size > GROUP_BYTES:
                message = f"{path.name}: its first row group has {size:,} bytes, at most {GROUP_BYTES:,} are sampled"
                raise refuse("expands", message)
            first = next(opened.iter_batches(batch_size=ROWS), None)
            total = opened.metadata.num_rows
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise refuse("malformed", f"{path.name} is not a complete Parquet file: {error}"[:300]) from error
    if first is None:
        raise refuse("no_rows", f"{path.name} has no rows")
    columns = [column.to_pylist() for column in first.columns]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Table(list(first.schema.names), rows, list(range(1, len(rows) + 1))), len(rows) == total
