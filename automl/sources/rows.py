"""Labelled texts as plain lists: the one shape every dataset source gives; reads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: Kinds of tasks that can be trained here, by the record's names.
CLASSES = "text-classification"
ANSWERS = "question-answering"
KINDS = (CLASSES, ANSWERS)
#: Of the training rows, set aside for a split that the user did not give.
VALIDATION_SHARE, TEST_SHARE = 0.15, 0.15
#: Fewer training rows than this cannot be split.
LEAST_ROWS = 10


@dataclass(frozen=True)
class Rows:
    """Texts and their labels, in the order of the source; both of the same length."""

    texts: list[str]
    labels: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return zip(self.texts, self.labels, strict=True)

    def take(self, indices: list[int]) -> Rows:
        """The rows at `indices`, in that order."""
        return Rows([self.texts[i] for i in indices], [self.labels[i] for i in indices])


@dataclass(frozen=True)
class LabelledText:
    """A dataset as the user gave it: uncut, in order; rows without any text are still in it.

    `warnings` are whole sentences for the user; `languages` and `domain` are what the source says of itself.
    """

    train: Rows
    validation: Rows | None = None
    test: Rows | None = None
    warnings: tuple[str, ...] = ()
    revision: str | None = None
    languages: tuple[str, ...] = ()
    domain: str | None = None


@dataclass(frozen=True)
class Splits:
    """What a run trains, chooses and is judged on; no text is in two of them.

    `labels` are the sorted classes, () where the rows are questions.
    """

    train: Rows
    validation: Rows
    test: Rows
    labels: tuple[str, ...]
