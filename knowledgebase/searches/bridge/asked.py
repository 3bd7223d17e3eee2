"""The first questions of an upload as they would be read, and what stands out, for who names the columns.

It knows no request and no file: the preview has read the head already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from automl.sources.answered.files import read_head
from automl.sources.answered.questions import Question, Questions
from automl.sources.rows import LEAST_ROWS
from knowledgebase.searches.bridge.preview import Note, Preview

SHOWN_QUESTIONS, SHOWN_PROBLEMS = 5, 3
# Train, validation and test: all questions about one context stay on one side.
LEAST_CONTEXTS = 3


@dataclass(frozen=True)
class AskedRows:
    """The first questions, and notes about all that were looked at."""

    shown: list[Question]
    notes: list[Note]


def asked_rows(preview: Preview, contexts: Sequence[str], question: str, answers: str) -> AskedRows:
    """What these columns mean; the columns must be there."""
    rows, problems = read_head(preview.sample.table, [*contexts, question], answers)
    return AskedRows(rows.items[:SHOWN_QUESTIONS], [*_wrong(problems, answers), *_notes(preview, rows)])


def _wrong(problems: Sequence[str], answers: str) -> list[Note]:
    if not problems:
        return []
    shown = "; ".join(problems[:SHOWN_PROBLEMS])
    expected = f"Expected are text, and for {answers} texts or lists of texts."
    return [Note(f"{len(problems)} rows cannot be read: {shown}. {expected}", blocks=True)]


def _notes(preview: Preview, rows: Questions) -> list[Note]:
    is_whole, found = preview.sample.is_whole, []
    answered = [one for one in rows.items if one.answers]
    if not answered:
        where = "the file" if is_whole else f"the first {preview.seen:,} rows"
        found.append(Note(f"No question has an answer in {where}.", blocks=is_whole))
    if is_whole and len(rows) < LEAST_ROWS:
        words = f"{len(rows)} questions are too few to split; at least {LEAST_ROWS} are needed."
        found.append(Note(words, blocks=True))
    about = {one.context or one.question for one in rows.items}
    if is_whole and len(rows) >= LEAST_ROWS and len(about) < LEAST_CONTEXTS:
        many = f"{len(about)} context{'s' * (len(about) > 1)}"
        words = f"All questions are about {many}; at least {LEAST_CONTEXTS} are needed to split."
        found.append(Note(words, blocks=True))
    return [*found, *_hints(preview, rows, answered)]


def _hints(preview: Preview, rows: Questions, answered: Sequence[Question]) -> list[Note]:
    found = []
    if empty := preview.seen - len(rows):
        found.append(
            Note(
                f"{empty} of {preview.seen:,} rows looked at have no question that can be read; they are left out."
            )
        )
    if answered and len(answered) < len(rows):
        silent = len(rows) - len(answered)
        found.append(
            Note(f"{silent} of {len(rows):,} questions have no answer: saying nothing is learnt as theirs.")
        )
    free = sum(one.span is None for one in answered)
    if free and any(one.context for one in answered):
        words = f"{free} of {len(answered):,} answers do not stand in their context word for word; "
        found.append(Note(words + "only language models that write can learn those."))
    return found
