"""The first rows of an upload, a guess at its columns and what stands out, for the person who has to name them.

It knows no request. Only the head of a large file is read, so that the web process answers at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

from automl.errors import SourceError
from automl.sources.answered.guesses import QuestionGuess, guess_question_columns
from automl.sources.quality import findings
from automl.sources.rows import ANSWERS, CLASSES, LEAST_ROWS
from automl.sources.samples import Sample, guess_columns, take_sample
from knowledgebase.searches.bridge.refusal import refused

SHOWN_ROWS = 8


@dataclass(frozen=True)
class Note:
    """Something about the rows; `blocks` when no search could run on them."""

    words: str
    blocks: bool = False


@dataclass(frozen=True)
class Preview:
    """Columns in the file's order, the first rows as text, and which columns are probably text and label.

    `asked`: which they would be if the rows were questions, and whether they look like it.
    """

    columns: Sequence[str]
    rows: Sequence[Mapping[str, str]]
    text_guess: str
    label_guess: str
    asked: QuestionGuess
    sample: Sample

    @property
    def seen(self) -> int:
        """How many rows were looked at."""
        return len(self.sample.rows)

    def distinct(self, column: str) -> int:
        """Different values of a column among the rows looked at."""
        at = list(self.columns).index(column)
        return len({row[at] for row in self.sample.rows})

    @property
    def kind_guess(self) -> str:
        """The kind of task that the rows look like."""
        return ANSWERS if self.asked.is_likely else CLASSES

    def notes(self, text_columns: Sequence[str], label_column: str) -> list[Note]:
        """What stands out with these columns; certain only where all rows were looked at."""
        rows = self.sample.labelled(text_columns, label_column)
        found = [Note(f"In the rows looked at {words}.") for words in findings(rows)]
        classes = Counter(label for label in rows.labels if label.strip())
        is_whole = self.sample.is_whole
        if len(classes) < 2:
            only = f"only one class ({next(iter(classes))[:40]!r})" if classes else "no label at all"
            where = "the file" if is_whole else f"the first {self.seen:,} rows"
            words = f"{label_column} has {only} in {where}; a classifier needs two or more."
            found.insert(0, Note(words, blocks=is_whole))
        if is_whole and sum(classes.values()) < LEAST_ROWS:
            words = f"{sum(classes.values())} labelled rows are too few to split; at least {LEAST_ROWS} are needed."
            found.insert(0, Note(words, blocks=True))
        rare = [label for label, count in classes.items() if count < 3]
        if is_whole and len(classes) > 1 and rare:
            shown = ", ".join(repr(label[:30]) for label in sorted(rare)[:5])
            found.append(Note(f"{len(rare)} of {len(classes)} classes have one or two rows: {shown}."))
        return found


def preview_upload(name: str, encoding: str = "utf-8") -> Preview:
    """Of a stored upload, by its stored name; Refused with the reason that reading it whole would give.

    `encoding` is of its text; Parquet has none.
    """
    try:
        sample = take_sample(name, [str(settings.UPLOADS_FOLDER)], encoding=encoding)
    except SourceError as error:
        raise refused(error) from error
    guess = guess_columns(sample)
    asked = guess_question_columns(sample)
    rows = [dict(zip(sample.columns, row, strict=True)) for row in sample.rows[:SHOWN_ROWS]]
    return Preview(sample.columns, rows, guess.text, guess.label, asked, sample)
