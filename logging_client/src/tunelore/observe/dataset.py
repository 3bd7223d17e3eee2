"""The identity and the statistics of a run's training rows; the text itself is never kept.

Knows three forms of rows: (text, label) pairs, mappings with named columns, a CSV file. Start with `read_rows`.
"""

from __future__ import annotations

import csv
import os
import random
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunelore import trouble
from tunelore.describe import tokens_fingerprint
from tunelore.runs.values import clean

Rows = list[tuple[str, str]]
MAX_ROWS, MAX_CHARACTERS = 1_000_000, 200_000_000
MAX_TOKEN_ROWS = 50_000
MAX_LABEL_ROWS = 100_000
TOKEN_SECONDS = 0.3  # the training waits for it
ROWS_A_LOOK = 256
STRIDE = 97
UNNAMED = ("text", "label")
SQUAD_TEXT, SQUAD_LABEL = ("context", "question"), "answers"
_NAMED = re.compile(
    r"(?P<source>hub|builtin|file|upload):(?P<name>[^@#]+)(?:#(?P<config>[^@]+))?(?:@(?P<revision>.+))?"
)


def named_dataset(dataset: Any) -> dict[str, Any] | None:
    """`task.dataset` for "hub:owner/name#config@revision" and the like, None for rows and files."""
    match = _NAMED.fullmatch(dataset) if isinstance(dataset, str) else None
    if match is None:
        return None
    parts = match.groupdict()
    if parts["source"] in ("file", "upload"):
        parts["name"] = re.split(r"[/\\]", parts["name"].rstrip("/\\"))[-1] or None
    return {key: value if value is None else clean(value, 200) for key, value in parts.items()}


def read_rows(
    dataset: Any,
    text_column: str | Sequence[str],
    label_column: str,
    *,
    answers: bool = False,
    until: float | None = None,
) -> tuple[Rows, bool]:
    """Rows as (text, label), several text columns joined by a line feed, the label as text; and whether it is all.

    answers: the label is an answer, of several the first; columns that nobody named are those of SQuAD. until: of
    time.monotonic, when to be content with what was read; so are MAX_ROWS and MAX_CHARACTERS. ValueError names what
    was expected where the rows have another form; an iterator is refused rather than used up.
    """
    if isinstance(dataset, (str, os.PathLike)):
        rows: Iterable[Any] = _csv(Path(dataset))
    elif not isinstance(dataset, Iterable) or isinstance(dataset, Iterator):
        raise ValueError(
            f"dataset is a {type(dataset).__name__}; give a list of rows or the path of a CSV file"
        )
    else:
        rows = dataset
    found: Rows = []
    characters = 0
    for pair in _pairs(rows, text_column, label_column, answers):
        characters += len(pair[0]) + len(pair[1])
        if len(found) == MAX_ROWS or (found and characters > MAX_CHARACTERS):
            return found, False
        found.append(pair)
        if until is not None and len(found) % ROWS_A_LOOK == 0 and time.monotonic() > until:
            return found, False
    return found, True


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    limit = csv.field_size_limit(10_000_000)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    finally:
        csv.field_size_limit(limit)


def _pairs(
    rows: Iterable[Any], text_column: str | Sequence[str], label_column: str, answers: bool
) -> Iterator[tuple[str, str]]:
    columns = [text_column] if isinstance(text_column, str) else list(text_column)
    for number, row in enumerate(rows):
        if isinstance(row, Mapping):
            if answers and number == 0 and (text_column, label_column) == UNNAMED and "question" in row:
                columns, label_column = [name for name in SQUAD_TEXT if name in row], SQUAD_LABEL
            missing = [name for name in [*columns, label_column] if row.get(name) is None]
            if missing:
                raise ValueError(
                    f"row {number} has no {', '.join(missing)}; say text_column= and label_column="
                )
            label = row[label_column]
            yield "\n".join(str(row[name]) for name in columns), _answer(label) if answers else str(label)
        elif isinstance(row, (list, tuple)) and len(row) == 2:
            yield str(row[0]), _answer(row[1]) if answers else str(row[1])
        else:
            raise ValueError(
                f"row {number} is a {type(row).__name__}; expected (text, label) or named columns"
            )


def _answer(label: Any) -> str:
    """The first of several answers; a question without one has the empty answer."""
    if isinstance(label, Mapping):
        label = label.get("text", "")
    if isinstance(label, (list, tuple)):
        label = label[0] if label else ""
    return str(label)


@dataclass(frozen=True)
class Tokens:
    """What encoded rows tell: `rows` (ids, label), all or none; `labels` of all or of a sample of them."""

    rows: list[tuple[list[int], str]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    def fingerprint(self) -> str | None:
        """Of all rows; a sample has none, since nobody else would draw the same."""
        return tokens_fingerprint(self.rows) if self.rows else None


def tokens_of(dataset: Any) -> Tokens:
    """An encoded dataset, by the caller's thread, within TOKEN_SECONDS; of a large or slow one the labels alone.

    Reading rows may draw random numbers, so the generators are put back: training must not change by being watched.
    """
    size = rows_in(dataset)
    if not size:
        return Tokens()
    put_back = _generators()
    try:
        labels = _column(dataset, size) if size > MAX_TOKEN_ROWS else []
        rows = [] if labels else list(_encoded(dataset, size, time.monotonic() + TOKEN_SECONDS))
        if len(rows) == size:
            return Tokens(rows, [label for _, label in rows])
        trouble.note(
            "dataset",
            f"the {size:,} encoded rows take too long to read, so the task has no fingerprint and is compared with no "
            'other; give TuneLoreCallback the rows or their name, dataset="hub:owner/name"',
        )
        return Tokens(labels=labels or _column(dataset, size) or [label for _, label in rows])
    except (TypeError, KeyError, IndexError, AttributeError, ValueError):
        return Tokens()
    finally:
        for restore, state in put_back:
            restore(state)


def _column(dataset: Any, size: int) -> list[str]:
    """The labels, every so many where there are many, of a dataset that has them in a column (as of `datasets`)."""
    known = getattr(dataset, "column_names", None) or ()
    name = next((one for one in ("labels", "label") if one in known), None)
    if name is None:
        return []
    plain = dataset.with_format(None) if hasattr(dataset, "with_format") else dataset
    return [str(_integer(label)) for label in plain[name][:: -(-size // MAX_LABEL_ROWS)]]


def rows_in(dataset: Any) -> int | None:
    """The number of rows of a dataset that knows it."""
    try:
        return len(dataset)
    except (TypeError, NotImplementedError):
        return None


def _encoded(dataset: Any, size: int, until: float) -> Iterator[tuple[list[int], str]]:
    """All rows, or until the time is over some from everywhere: rows are often sorted by their label."""
    step = 1 if size <= MAX_TOKEN_ROWS else size // MAX_TOKEN_ROWS + 1
    for index in (first for start in range(STRIDE) for first in range(start * step, size, STRIDE * step)):
        if time.monotonic() > until:
            return
        row = dataset[index]
        label = row["labels"] if "labels" in row else row["label"]
        yield _integers(row["input_ids"]), str(_integer(label))


def _integers(ids: Any) -> list[int]:
    return [int(one) for one in (ids.tolist() if hasattr(ids, "tolist") else ids)]


def _integer(label: Any) -> Any:
    value = label.item() if hasattr(label, "item") else label
    if isinstance(value, (list, tuple, dict)):
        raise ValueError("a label is not a scalar")
    return value


def _generators() -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = [(random.setstate, random.getstate())]
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        found.append((numpy.random.set_state, numpy.random.get_state()))
    torch: Any = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        found.append((torch.set_rng_state, torch.get_rng_state()))
    return found
