"""Tables to labelled texts, and what is wrong with labels; knows no format of files and no training."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from automl.errors import SourceError
from automl.sources.files import as_text, column_at, read_table
from automl.sources.raw import check_rows, refuse
from automl.sources.references import DatasetRef
from automl.sources.rows import LEAST_ROWS, LabelledText, Rows
from automl.sources.tables import Table

# A label column with nearly as many values as rows is the wrong column.
MOST_CLASSES_SHARE = 0.5


def load_labels(ref: DatasetRef, files: Mapping[str, Sequence[Path]], *, has_ids: bool) -> LabelledText:
    """Splits that lie in one or more files each, `train` among them; `has_ids`: a column `id` must be one.

    Raises SourceError; nothing is kept of a refused file.
    """
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
        rows += [("\n".join(as_text(row[at]) for at in texts), as_text(row[label])) for row in table.rows]
        check_rows(len(rows), path.name)
    return _labelled(rows, ref.label_column, paths[0].name, warnings)


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
        key = as_text(row[at])
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
