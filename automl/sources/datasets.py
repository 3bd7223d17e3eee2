"""Names of datasets to labelled texts: `builtin:` and `file:`; knows no training and no fingerprints.

Start from `DatasetRef`, `load()` and, for a web process that only wants to look, `files.peek()`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from automl.errors import SourceError
from automl.sources.builtin import load_builtin
from automl.sources.rows import LabelledText


@dataclass(frozen=True)
class DatasetRef:
    """Which dataset: `builtin` by name, or `file` by paths below the allowed roots and the user's columns.

    Several text columns are joined by a line feed. `encoding` is for text files only. Without a validation or
    test file, `prepare()` splits one off.
    """

    source: str
    name: str
    path: str | None = None
    validation_path: str | None = None
    test_path: str | None = None
    text_columns: tuple[str, ...] = ("text",)
    label_column: str = "label"
    encoding: str = "utf-8"

    def to_dict(self) -> dict[str, object]:
        """As JSON data."""
        return asdict(self) | {"text_columns": list(self.text_columns)}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> DatasetRef:
        """The inverse of `to_dict`; TypeError for unknown or missing fields."""
        columns = data.get("text_columns", ("text",))
        if not isinstance(columns, (list, tuple)):
            raise TypeError(f"text_columns must be a list of column names, got {columns!r}")
        return cls(**{**data, "text_columns": tuple(columns)})  # type: ignore[arg-type]


def load(ref: DatasetRef, *, roots: Sequence[str] = (), cache: str) -> LabelledText:
    """The whole dataset as the user gave it; builtin ones are kept below the folder `cache`.

    Raises SourceError with line numbers and names of columns; nothing is left behind.
    """
    if ref.source == "builtin":
        return load_builtin(ref.name, cache)
    if ref.source == "file":
        from automl.sources.files import load_file

        return load_file(ref, roots)
    raise SourceError(
        message=f"unknown dataset source {ref.source[:60]!r}; known: builtin, file",
        code="unknown_dataset",
        field="source",
    )
