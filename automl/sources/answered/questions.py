"""Questions with their contexts and accepted answers: the rows of question answering; reads no file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from automl.sources.rows import Rows


@dataclass(frozen=True)
class Question:
    """`answers` are all that count as right, the first one is learnt; none: the context does not answer it.

    `starts` says where each answer begins in the context, in characters; -1 where it does not stand there word for
    word. `context` is '' where a question stands alone.
    """

    question: str
    context: str = ""
    answers: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """Context and question as one text, as a task's fingerprint has them."""
        return f"{self.context}\n{self.question}" if self.context else self.question

    @property
    def answer(self) -> str:
        """The first answer, '' where there is none."""
        return self.answers[0] if self.answers else ""

    @property
    def span(self) -> tuple[int, int] | None:
        """First and behind the last character of the first answer that stands in the context."""
        places = zip(self.answers, self.starts, strict=True)
        return next(((start, start + len(text)) for text, start in places if start >= 0), None)


@dataclass(frozen=True)
class Questions(Rows):
    """Rows whose text is context and question, and whose label is the first answer. Make them with `of`."""

    items: list[Question] = field(default_factory=list)

    @classmethod
    def of(cls, items: Iterable[Question]) -> Questions:
        """Rows of these questions, in their order."""
        kept = list(items)
        return cls([one.text for one in kept], [one.answer for one in kept], kept)

    def take(self, indices: list[int]) -> Questions:
        """The rows at `indices`, in that order."""
        return Questions.of(self.items[index] for index in indices)


def questions_of(rows: Rows) -> Questions:
    """The same rows, known to be questions; TypeError for rows of another kind of task."""
    if not isinstance(rows, Questions):
        raise TypeError(f"expected questions, got {type(rows).__name__}")
    return rows
