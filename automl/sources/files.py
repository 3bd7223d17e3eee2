"""Files of users to labelled texts: CSV, TSV, JSON Lines, Parquet (each also .gz), below allowed folders.

Start from `load_file` and, to look before loading, `peek`. Every refusal names line, column and value; a file is
read whole or not at all. It knows no training.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from automl.errors import SourceError
from automl.sources.delimited import read_delimited
from automl.sources.jsonlines import read_json_lines
from automl.sources.raw import check_rows, read_text, refuse
from automl.sources.roots import confined
from automl.sources.rows import ANSWERS, LabelledText, Rows
from automl.sources.tables import Table

if TYPE_CHECKING:
    from automl.sources.datasets import DatasetRef

PEEK_ROWS = 20
LEAST_ROWS = 10
# A label column with nearly as many values as rows is the wrong column.
MOST_CLASSES_SHARE = 0.5


@dataclass(frozen=True)
class Peek:
    """The columns of a file and its first rows, as text."""

    columns: list[str]
    rows: list[dict[str, str]]


def load_file(ref: DatasetRef, roots: Sequence[str]) -> LabelledText:
    """All splits of a file dataset. Raises SourceError; nothing is kept of a refused file."""
    if not ref.path:
        raise SourceError("missing_path", "path", f"the file dataset {ref.name[:60]!r} names no file")
    named = {"train": ref.path, "validation": ref.validation_path, "test": ref.test_path}
    files = {split: [confined(name, roots, field="path")] for split, name in named.items() if name}
    return load_splits(ref, files, has_ids=True)


def load_splits(
    ref: DatasetRef, files: Mapping[str, Sequence[Path]], *, has_ids: bool = False
) -> LabelledText:
    """Splits that lie in one or more files each, `train` among them; `has_ids`: a column `id` must be one."""
    if ref.kind == ANSWERS:
        from automl.sources.answered.files import load_questions

        return load_questions(ref, files)
    warnings: list[str] = []
    found = {split: _split(ref, paths, warnings, has_ids=has_ids) for split, paths in files.items()}
    train = found.pop("train")
    _check_classes(train, ref.label_column)
    for split, rows in list(found.items()):
        if set(rows.labels).isdisjoint(train.labels):
            # Published test rows often carry -1 in place of a label.
            shown = ", ".join(repr(label[:40]) for label in sorted(set(rows.labels))[:3])
            warnings.append(
                f"{split}: none of its labels ({shown}) stands in the training rows; it is not used."
            )
            del found[split]
    return LabelledText(train, found.get("validation"), found.get("test"), tuple(warnings))


def peek(path: str, roots: Sequence[str], *, encoding: str = "utf-8") -> Peek:
    """Columns and the first rows, with the same checks as loading; for a person who has to name the columns."""
    table = read_table(confined(path, roots, field="path"), encoding)
    rows = [
        {name: _text(value)[:500] for name, value in zip(table.columns, row, strict=True)}
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


def _split(ref: DatasetRef, paths: Sequence[Path], warnings: list[str], *, has_ids: bool) -> Rows:
    rows: list[tuple[str, str]] = []
    for path in paths:
        wanted = {*ref.text_columns, ref.label_column}
        table = read_table(path, ref.encoding, wanted)
        texts = [column_at(table, name, "text_columns") for name in ref.text_columns]
        label = column_at(table, ref.label_column, "label_column")
        if has_ids:
            _check_ids(table)
        _check_types(table, [*texts, label])
        rows += [("\n".join(_text(row[at]) for at in texts), _text(row[label])) for row in table.rows]
        check_rows(len(rows), path.name)
    return _labelled(rows, ref.label_column, paths[0].name, warnings)


def column_at(table: Table, name: str, field: str) -> int:
    """Where a column stands; SourceError with those that there are."""
    if name not in table.columns:
        there = ", ".join(repr(column[:60]) for column in table.columns[:30])
        raise SourceError("missing_column", field, f"there is no column {name[:60]!r}; there are: {there}")
    return table.columns.index(name)


def _labelled(rows: list[tuple[str, str]], label_column: str, name: str, warnings: list[str]) -> Rows:
    if not rows:
        raise refuse("no_rows", f"{name} has no rows")
    with_label = [row for row in rows if row[1].strip()]
    if not with_label:
        raise SourceError(
            "no_labels", "label_column", f"no label in any row: column {label_column!r} is empty"
        )
    if dropped := len(rows) - len(with_label):
        warnings.append(f"{name}: {dropped} of {len(rows)} rows have no label; they are left out.")
    empty = sum(not text.strip() for text, _ in with_label)
    if empty:
        warnings.append(f"{name}: {empty} of {len(with_label)} rows have no text; they are left out.")
    if similar := _similar(label for _, label in with_label):
        warnings.append(f"{name}: labels that differ only in case or blanks: {similar}.")
    return Rows([text for text, _ in with_label], [label for _, label in with_label])


def _similar(labels: Iterable[str]) -> str:
    groups: dict[str, set[str]] = defaultdict(set)
    for label in labels:
        groups[" ".join(label.casefold().split())].add(label)
    doubled = [sorted(group) for group in groups.values() if len(group) > 1]
    return "; ".join(", ".join(repr(label[:40]) for label in group) for group in doubled[:5])


def _check_classes(train: Rows, label_column: str) -> None:
    classes = Counter(train.labels)
    if len(train) < LEAST_ROWS:
        raise refuse("too_few_rows", f"too few rows to split: {len(train)}; at least {LEAST_ROWS} are needed")
    if len(classes) < 2:
        [only] = classes
        message = f"only one class ({only[:40]!r}) in {len(train)} rows; a classifier needs two or more"
        raise SourceError("one_class", "label_column", message)
    if len(classes) > MOST_CLASSES_SHARE * len(train):
        message = f"{len(classes)} classes in {len(train)} rows: is {label_column!r} the right column?"
        raise SourceError("too_many_classes", "label_column", message)


def _check_ids(table: Table) -> None:
    """Rows with the same id and other content: which one is meant?"""
    if "id" not in table.columns:
        return
    at = table.columns.index("id")
    seen: dict[str, list[object]] = {}
    conflicts: list[str] = []
    for row in table.rows:
        key = _text(row[at])
        if key and seen.setdefault(key, row) != row:
            conflicts.append(key)
    if conflicts:
        shown = ", ".join(repr(key[:40]) for key in dict.fromkeys(conflicts[:10]))
        raise refuse(
            "duplicate_ids", f"{len(set(conflicts))} ids stand for different rows: {shown}; make them unique"
        )


def _check_types(table: Table, columns: Sequence[int]) -> None:
    wrong = list(islice(_wrong_types(table, columns), 10))
    if wrong:
        raise refuse("wrong_type", "; ".join(wrong))


def _wrong_types(table: Table, columns: Sequence[int]) -> Iterator[str]:
    for number, row in zip(table.lines, table.rows, strict=True):
        for at in columns:
            value, is_label = row[at], at == columns[-1]
            fine = isinstance(value, str) or (is_label and (value is None or isinstance(value, (int, bool))))
            if not fine:
                yield f"line {number}: {table.columns[at]} is {type(value).__name__}, expected text"


def _text(value: object) -> str:
    return "" if value is None else str(value)
