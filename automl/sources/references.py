"""What names a dataset: where it comes from and which of its columns matter. Knows nothing of reading one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from automl.sources.rows import CLASSES


@dataclass(frozen=True)
class DatasetRef:
    """Which dataset: `builtin` by name, `file` by paths below the allowed roots, `hub` by name and commit.

    Files and repositories of the HF Hub need the user's columns; `config` is '' where a repository has only one.
    Several text columns are joined by a line feed. `encoding` is for text files only. Without a validation or
    test file, `prepare()` splits one off. `kind` is a task's: for "question-answering" the last text column is the
    question, those before it are its context, and the label column holds the answers.
    """

    source: str
    name: str
    path: str | None = None
    validation_path: str | None = None
    test_path: str | None = None
    text_columns: tuple[str, ...] = ("text",)
    label_column: str = "label"
    encoding: str = "utf-8"
    revision: str | None = None
    config: str = ""
    kind: str = CLASSES

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
