"""Tables of questions to `Questions`: SQuAD's nested answers, lists of accepted answers, or one answer a cell.

Every refusal names line, column and value. It knows no format of files: `automl.sources.files` reads those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from automl.errors import SourceError
from automl.sources.answered.questions import Question, Questions
from automl.sources.files import column_at, read_table
from automl.sources.raw import check_rows, refuse
from automl.sources.references import DatasetRef
from automl.sources.rows import LEAST_ROWS, LabelledText
from automl.sources.tables import Table

#: What a reference that names no columns means: those of SQuAD.
UNNAMED = (("text",), "label")
SQUAD = (("context", "question"), "answers")
SHOWN = 10
_WORD = re.compile(r"[A-Za-z0-9]")
Answers = list[tuple[str, int | None]]


@dataclass
class _Found:
    """What is told of a split when all of its rows are read."""

    questions: list[Question] = field(default_factory=list)
    empty: int = 0
    moved: int = 0
    problems: list[str] = field(default_factory=list)


def load_questions(ref: DatasetRef, files: Mapping[str, Sequence[Path]]) -> LabelledText:
    """Splits that lie in one or more files each, `train` among them.

    The last text column is the question, those before it are its context, joined by a line feed; the label column
    holds {"text": [...], "answer_start": [...]}, a list of accepted answers or one answer. A column `id` is not
    looked at: in several languages one question has one id. Raises SourceError.
    """
    warnings: list[str] = []
    found = {split: _split(ref, paths, warnings) for split, paths in files.items()}
    train = found.pop("train")
    if len(train) < LEAST_ROWS:
        raise refuse("too_few_rows", f"too few questions: {len(train)}; at least {LEAST_ROWS} are needed")
    if not any(train.labels):
        raise SourceError("no_labels", "label_column", "no answer in any row: is it the right column?")
    for split in [split for split, rows in found.items() if not any(rows.labels)]:
        warnings.append(f"{split}: none of its questions has an answer; it is not used.")
        del found[split]
    return LabelledText(train, found.get("validation"), found.get("test"), tuple(warnings))


def read_head(table: Table, texts: Sequence[str], label: str) -> tuple[Questions, list[str]]:
    """The questions of a table's rows by these columns, and what is wrong with the others: "line 3: ..."."""
    found = _Found()
    _read(table, texts, label, found)
    return Questions.of(found.questions), found.problems


def _split(ref: DatasetRef, paths: Sequence[Path], warnings: list[str]) -> Questions:
    texts, label = SQUAD if (ref.text_columns, ref.label_column) == UNNAMED else _named(ref)
    found = _Found()
    for path in paths:
        table = read_table(path, ref.encoding, {*texts, label})
        _read(table, texts, label, found)
        if found.problems:
            raise refuse("wrong_type", f"{path.name}: " + "; ".join(found.problems[:SHOWN]))
        check_rows(len(found.questions), path.name)
    _warn(found, paths[0].name, warnings)
    return Questions.of(found.questions)


def _named(ref: DatasetRef) -> tuple[tuple[str, ...], str]:
    if not ref.text_columns:
        raise SourceError("missing_column", "text_columns", "no column of questions is named")
    return ref.text_columns, ref.label_column


def _read(table: Table, texts: Sequence[str], label: str, found: _Found) -> None:
    places = [column_at(table, name, "text_columns") for name in texts]
    at = column_at(table, label, "label_column")
    for number, row in zip(table.lines, table.rows, strict=True):
        wrong = [table.columns[place] for place in places if not isinstance(row[place], (str, type(None)))]
        answers = _answers(row[at])
        if wrong or answers is None:
            name = wrong[0] if wrong else label
            found.problems.append(f"line {number}: {name} is {type(row[table.columns.index(name)]).__name__}")
            continue
        *contexts, question = (str(row[place] or "") for place in places)
        if not question.strip():
            found.empty += 1
            continue
        found.questions.append(_question(question, "\n".join(contexts), answers, found))


def _answers(cell: object) -> Answers | None:
    """Answers with the places that the file gives them; None for a cell that holds no such thing."""
    nested = cell if isinstance(cell, Mapping) else {"text": cell}
    starts = nested.get("answer_start")
    texts = list(_texts(nested.get("text")))
    places = list(starts) if isinstance(starts, (list, tuple)) else [starts] * len(texts)
    if None in texts or len(places) != len(texts):
        return None
    plain = [place if isinstance(place, int) and place >= 0 else None for place in places]
    return [(text, place) for text, place in zip(texts, plain, strict=True) if text and text.strip()]


def _texts(cell: object) -> Iterator[str | None]:
    """Each answer as text; None for one that is neither text nor a number."""
    for one in cell if isinstance(cell, (list, tuple)) else [] if cell is None else [cell]:
        if isinstance(one, (str, int, float)) and not isinstance(one, bool):
            yield str(one)
        else:
            yield None


def _question(question: str, context: str, answers: Answers, found: _Found) -> Question:
    starts = []
    for text, said in answers:
        start = _start(context, text, said)
        found.moved += said is not None and start != said
        starts.append(start)
    return Question(question, context, tuple(text for text, _ in answers), tuple(starts))


def _start(context: str, text: str, said: int | None) -> int:
    """Where an answer begins: where the file says, else at the nearest place; -1 where it stands nowhere.

    Where the file says nothing, an answer in letters or digits must be whole words: "2" does not stand in "2010".
    """
    if said is None:
        before = "(?<![A-Za-z0-9])" if _WORD.match(text[0]) else ""
        behind = "(?![A-Za-z0-9])" if _WORD.match(text[-1]) else ""
        found = re.search(before + re.escape(text) + behind, context)
        return found.start() if found else -1
    if context[said : said + len(text)] == text:
        return said
    places = (context.rfind(text, 0, said + len(text)), context.find(text, said))
    known = [place for place in places if place >= 0]
    return min(known, key=lambda place: abs(place - said), default=-1)


def _warn(found: _Found, name: str, warnings: list[str]) -> None:
    if found.empty:
        warnings.append(f"{name}: {found.empty} rows have no question; they are left out.")
    if found.moved:
        warnings.append(f"{name}: {found.moved} answers do not stand where answer_start says.")
