"""A guess at what the columns of a file of questions are, from its first rows.

It reads no file and refuses nothing. Start from `guess_question_columns`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from automl.sources.samples import Sample

# In the order of trust; what people call such columns in published data sets.
QUESTIONS = ("question", "questions", "query", "q", "question_text")
ANSWERS = ("answers", "answer", "accepted_answers", "answer_text", "a", "response", "target", "label")
CONTEXTS = ("context", "passage", "paragraph", "document", "article", "story", "text", "background")
# Of the values of a column, end with a question mark: then it is probably the one that asks.
ASKING_SHARE = 0.5
QUESTION_MARKS = ("?", "\uff1f", "\u061f", "\u037e")  # also full-width, Arabic and Greek


@dataclass(frozen=True)
class QuestionGuess:
    """The likely columns, "" or () where nothing fits; `is_likely`: the file looks as if it were of questions."""

    question: str
    answers: str
    contexts: tuple[str, ...]
    is_likely: bool


def guess_question_columns(sample: Sample) -> QuestionGuess:
    """The question: a known name, else the column that asks; answers and context: by name, else short and long."""
    names = sample.columns
    asking = [at for at in range(len(names)) if _asking_share(sample, at) >= ASKING_SHARE]
    question = _named(names, QUESTIONS, ())
    if question is None:
        question = asking[0] if asking else None
    taken = [] if question is None else [question]
    answers = _named(names, ANSWERS, taken)
    if answers is None:
        answers = min(
            _others(sample, taken),
            key=lambda at: (not _is_nested(sample, at), _length(sample, at)),
            default=None,
        )
    taken += [] if answers is None else [answers]
    context = _named(names, CONTEXTS, taken)
    if context is None:
        longer = [
            at
            for at in _others(sample, taken)
            if question is None or _length(sample, at) > _length(sample, question)
        ]
        context = max(longer, key=lambda at: _length(sample, at), default=None)
    by_name = _named(names, QUESTIONS, ()) is not None and _named(names, ANSWERS[:4], ()) is not None
    nested = answers is not None and _is_nested(sample, answers)
    return QuestionGuess(
        question="" if question is None else names[question],
        answers="" if answers is None else names[answers],
        contexts=() if context is None else (names[context],),
        is_likely=question is not None and answers is not None and (by_name or nested),
    )


def _named(names: Sequence[str], known: Sequence[str], taken: Sequence[int]) -> int | None:
    plain = [name.strip().casefold() for name in names]
    found = [plain.index(name) for name in known if name in plain]
    return next((at for at in found if at not in taken), None)


def _others(sample: Sample, taken: Sequence[int]) -> list[int]:
    """Columns that are left and say something in at least one row."""
    left = [at for at in range(len(sample.columns)) if at not in taken]
    return [at for at in left if any(row[at].strip() for row in sample.rows)]


def _length(sample: Sample, at: int) -> float:
    return fmean(len(row[at]) for row in sample.rows)


def _asking_share(sample: Sample, at: int) -> float:
    return fmean(row[at].rstrip().endswith(QUESTION_MARKS) for row in sample.rows)


def _is_nested(sample: Sample, at: int) -> bool:
    return any(isinstance(row[at], (Mapping, list)) for row in sample.table.rows)
