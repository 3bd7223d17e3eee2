"""The first rows of an upload and a guess at its columns, for the person who has to name them.

It knows no request. Only the head of a large file is read, so that the web process answers at once.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from automl.errors import SourceError
from automl.sources.files import peek
from knowledgebase.searches.bridge.refusal import refused

WHOLE_BYTES = 4 * 2**20
HEAD_BYTES = 512 * 2**10
LABEL_NAMES = ("label", "labels", "class", "target", "category", "intent", "sentiment", "y")
TEXT_NAMES = ("text", "sentence", "review", "content", "question", "comment", "message", "body", "title")


@dataclass(frozen=True)
class Preview:
    """Columns in the file's order, the first rows as text, and which columns are probably text and label."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, str]]
    text_guess: str
    label_guess: str


def preview_upload(name: str) -> Preview:
    """Of a stored upload, by its stored name; Refused with the reason that reading it whole would give."""
    folder = Path(settings.UPLOADS_FOLDER)
    path = folder / name
    try:
        if path.stat().st_size <= WHOLE_BYTES or name.endswith(".parquet"):
            found = peek(name, [str(folder)])
        else:
            with tempfile.TemporaryDirectory() as place:
                head = Path(place) / f"head{''.join(path.suffixes)}"
                head.write_bytes(_head(path))
                found = peek(head.name, [place])
    except SourceError as error:
        raise refused(error) from error
    text, label = guess(found.columns, found.rows)
    return Preview(found.columns, found.rows, text, label)


def _head(path: Path) -> bytes:
    """The whole lines at the beginning of a text file, packed again where it was."""
    packed = path.suffix == ".gz"
    with gzip.open(path) if packed else path.open("rb") as file:
        data = file.read(HEAD_BYTES)
    lines = data[: data.rfind(b"\n") + 1] or data
    return gzip.compress(lines) if packed else lines


def guess(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    """The columns of text and label: by name, else the longest values and the fewest different ones."""

    def named(names: Sequence[str]) -> str:
        return next((column for name in names for column in columns if column.lower() == name), "")

    def length(column: str) -> float:
        return sum(len(row[column]) for row in rows) / max(1, len(rows))

    text = named(TEXT_NAMES) or max(columns, key=length, default="")
    others = [column for column in columns if column != text]
    label = named(LABEL_NAMES)
    if not label or label == text:
        label = min(
            others, key=lambda column: (len({row[column] for row in rows}), length(column)), default=""
        )
    return text, label
