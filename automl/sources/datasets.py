"""Names of datasets to labelled texts: `builtin:`, `file:`, `hub:`; knows no training and no fingerprints.

Start from `DatasetRef`, `load()` and, for a web process that only wants to look, `files.peek()`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from automl.errors import SourceError
from automl.sources.answered.files import load_questions
from automl.sources.builtin import load_builtin
from automl.sources.files import named_files
from automl.sources.hub.datasets import kept
from automl.sources.labelled import load_labels
from automl.sources.references import DatasetRef
from automl.sources.rows import ANSWERS, CLASSES, KINDS, LabelledText

__all__ = ["DatasetRef", "load"]


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
        return _read(ref, named_files(ref, roots), has_ids=True)
    if ref.source == "hub":
        return _load_hub(ref, cache)
    raise SourceError(
        message=f"unknown dataset source {ref.source[:60]!r}; known: builtin, file, hub",
        code="unknown_dataset",
        field="source",
    )


def _load_hub(ref: DatasetRef, cache: str) -> LabelledText:
    found = kept(cache, ref.name, ref.revision or "", ref.config)
    if found is None:
        raise SourceError(
            message=f"the dataset hub:{ref.name}@{ref.revision or 'main'} is not on this machine; workers fetch it",
            code="not_fetched",
            field="dataset",
        )
    return replace(_read(ref, found.files, has_ids=False), revision=found.commit)


def _read(ref: DatasetRef, files: Mapping[str, Sequence[Path]], *, has_ids: bool) -> LabelledText:
    return load_questions(ref, files) if ref.kind == ANSWERS else load_labels(ref, files, has_ids=has_ids)
