"""Names of datasets to labelled texts: `builtin:`, `file:`, `hub:`; knows no training and no fingerprints.

Start from `DatasetRef`, `load()` and, for a web process that only wants to look, `files.peek()`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from automl.errors import SourceError
from automl.sources.builtin import load_builtin
from automl.sources.rows import CLASSES, KINDS, LabelledText


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


def load(ref: DatasetRef, *, roots: Sequence[str] = (), cache: str) -> LabelledText:
    """The whole dataset as the user gave it; builtin ones are kept below the folder `cache`.

    Those of the HF Hub were fetched there before (`sources.fetching`).

    Raises SourceError with line numbers and names of columns; nothing is left behind.
    """
    if ref.kind not in KINDS or (ref.source == "builtin" and ref.kind != CLASSES):
        there = CLASSES if ref.source == "builtin" else ", ".join(KINDS)
        message = f"{ref.source}:{ref.name[:60]} cannot be read as {ref.kind[:60]!r}; known here: {there}"
        raise SourceError("unknown_kind", "kind", message)
    if ref.source == "builtin":
        return load_builtin(ref.name, cache)
    if ref.source == "file":
        from automl.sources.files import load_file

        return load_file(ref, roots)
    if ref.source == "hub":
        return _load_hub(ref, cache)
    raise SourceError(
        message=f"unknown dataset source {ref.source[:60]!r}; known: builtin, file, hub",
        code="unknown_dataset",
        field="source",
    )


def _load_hub(ref: DatasetRef, cache: str) -> LabelledText:
    from automl.sources.files import load_splits
    from automl.sources.hub.datasets import kept

    found = kept(cache, ref.name, ref.revision or "", ref.config)
    if found is None:
        raise SourceError(
            message=f"the dataset hub:{ref.name}@{ref.revision or 'main'} is not on this machine; workers fetch it",
            code="not_fetched",
            field="dataset",
        )
    return replace(load_splits(ref, found.files), revision=found.commit)
