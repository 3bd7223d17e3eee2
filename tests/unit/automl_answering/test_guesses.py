"""Which columns of a file of questions are what: by name, else by what stands in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automl.sources.answered.guesses import QuestionGuess, guess_question_columns
from automl.sources.samples import take_sample


def guessed(folder: Path, rows: list[dict[str, object]]) -> QuestionGuess:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return guess_question_columns(take_sample("rows.jsonl", [str(folder)]))


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (
            {"id": "1", "title": "Sea", "context": "Ada sailed.", "question": "Who?", "answers": {"text": ["Ada"]}},
            QuestionGuess("question", "answers", ("context",), True),
        ),
        (
            {"passage": "Ada sailed to Lisbon.", "query": "Who sailed?", "response": "Ada"},
            QuestionGuess("query", "response", ("passage",), False),
        ),
        (
            {"a1": "Ada sailed to Lisbon at noon.", "b": "Who sailed?", "c": ["Ada", "Ada L."]},
            QuestionGuess("b", "c", ("a1",), True),
        ),
        ({"question": "What?", "answer": "this"}, QuestionGuess("question", "answer", (), True)),
        ({"text": "a fine film", "label": "good"}, QuestionGuess("", "label", ("text",), False)),
        ({"only": "words"}, QuestionGuess("", "only", (), False)),
    ],
)  # fmt: skip
def test_guesses(tmp_path: Path, row: dict[str, object], found: QuestionGuess) -> None:
    assert guessed(tmp_path, [row] * 3) == found


def test_real_sets_are_known(qa_data: Path) -> None:
    for folder in sorted(path for path in qa_data.iterdir() if path.is_dir()):
        file = next(folder.glob("t*.jsonl.gz"))
        guess = guess_question_columns(take_sample(f"{folder.name}/{file.name}", [str(qa_data)]))
        assert guess.is_likely, folder.name
        assert (guess.question, guess.answers, guess.contexts) == ("question", "answers", ("context",)), (
            folder.name
        )
