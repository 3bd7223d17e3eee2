"""Questions from files: SQuAD's nested answers, lists, one answer a cell; contexts stay on one side of a split."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from automl.errors import SourceError
from automl.sources.answered.questions import Questions, questions_of
from automl.sources.datasets import DatasetRef, load
from automl.sources.rows import LabelledText, Rows
from automl.sources.splitting import prepare

KIND = "question-answering"


def squad_rows(contexts: int = 10, questions: int = 3) -> list[dict[str, Any]]:
    """Rows as SQuAD has them: `questions` about each context."""
    rows = []
    for number in range(contexts):
        context = f"Ship {number} left port {number * 7} at noon with {number + 3} sailors."
        for asked in range(questions):
            text = (f"port {number * 7}", "noon", f"{number + 3} sailors")[asked % 3]
            rows.append(
                {
                    "id": f"{number}-{asked}",
                    "context": context,
                    "question": f"Question {asked} about ship {number}?",
                    "answers": {"text": [text, text.upper()], "answer_start": [context.index(text), -1]},
                }
            )
    return rows


def write(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> str:
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return name


def read(folder: Path, name: str = "rows.jsonl", **more: Any) -> LabelledText:
    return load(DatasetRef("file", name, name, kind=KIND, **more), roots=[str(folder)], cache="")


def refused(folder: Path, rows: list[dict[str, Any]], **more: Any) -> SourceError:
    with pytest.raises(SourceError) as raised:
        read(folder, write(folder, rows), **more)
    return raised.value


def test_squad_rows_keep_answers_and_their_places(tmp_path: Path) -> None:
    write(tmp_path, squad_rows())
    train = questions_of(read(tmp_path).train)
    first = train.items[0]
    assert (first.answers, first.starts) == (("port 0", "PORT 0"), (12, -1))
    assert first.span == (12, 18)
    assert first.context[12:18] == first.answer == "port 0"
    assert (train.texts[0], train.labels[0]) == (f"{first.context}\n{first.question}", "port 0")
    assert len(train) == 30


def test_parquet_and_columns_by_name(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist(squad_rows()).rename_columns(["id", "passage", "asked", "found"])
    parquet.write_table(table, tmp_path / "rows.parquet")
    named = read(tmp_path, "rows.parquet", text_columns=("passage", "asked"), label_column="found")
    write(tmp_path, squad_rows())
    assert named.train == read(tmp_path).train


def test_a_plain_cell_is_an_answer_and_is_looked_for(tmp_path: Path) -> None:
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(["context", "question", "answers"])
        for row in squad_rows():
            written.writerow([row["context"], row["question"], row["answers"]["text"][0]])
    train = questions_of(read(tmp_path, "rows.csv").train)
    assert train.items[0].starts == (12,)
    lists = [{**row, "answers": [row["answers"]["text"][0], 17]} for row in squad_rows()]
    write(tmp_path, lists)
    assert questions_of(read(tmp_path).train).items[0].answers == ("port 0", "17")
    # Ship 3 left port 21 with 6 sailors: there is no 2 in it, and no 1.
    numbers = [{**row, "answers": ["2", "1", "21", "6"]} for row in squad_rows()]
    write(tmp_path, numbers)
    found = questions_of(read(tmp_path).train).items[9]
    assert found.starts == (-1, -1, found.context.index("21"), found.context.index("6 sailors"))


def test_a_question_may_stand_alone(tmp_path: Path) -> None:
    write(tmp_path, [{"q": f"How many sails has ship {n}?", "a": str(n)} for n in range(40)])
    labelled = read(tmp_path, text_columns=("q",), label_column="a")
    assert questions_of(labelled.train).items[3].context == ""
    assert len(prepare(labelled, None, 1).test) == 6


def test_wrong_places_are_mended_and_said(tmp_path: Path) -> None:
    rows = squad_rows()
    rows[0]["answers"]["answer_start"] = [10, 3]
    rows[1]["answers"]["text"] = ["midnight"]
    rows[1]["answers"]["answer_start"] = [5]
    rows[2]["question"] = " "
    write(tmp_path, rows)
    found = read(tmp_path)
    train = questions_of(found.train)
    assert train.items[0].starts == (12, -1)
    assert (train.items[1].answers, train.items[1].span) == (("midnight",), None)
    assert found.warnings == (
        "rows.jsonl: 1 rows have no question; they are left out.",
        "rows.jsonl: 3 answers do not stand where answer_start says.",
    )


def test_a_question_without_an_answer_is_a_row_like_any_other(tmp_path: Path) -> None:
    rows = squad_rows()
    for row in rows[::3]:
        row["answers"] = {"text": [], "answer_start": []}
    write(tmp_path, rows)
    train = questions_of(read(tmp_path).train)
    assert len(train) == 30
    assert (train.items[0].answers, train.items[0].span, train.labels[0]) == ((), None, "")


def test_what_cannot_be_read_says_where(tmp_path: Path) -> None:
    rows = squad_rows()
    assert refused(tmp_path, rows, text_columns=("body", "question")).message == (
        "there is no column 'body'; there are: 'id', 'context', 'question', 'answers'"
    )
    assert refused(tmp_path, rows[:4]).message == "too few questions: 4; at least 10 are needed"
    silent = [{**row, "answers": []} for row in rows]
    assert refused(tmp_path, silent).message == "no answer in any row: is it the right column?"
    rows[2]["answers"] = True
    rows[4]["question"] = 5
    rows[6]["answers"] = {"text": ["a", "b"], "answer_start": [1]}
    assert refused(tmp_path, rows).message == (
        "rows.jsonl: line 3: answers is bool; line 5: question is int; line 7: answers is dict"
    )


def test_a_kind_that_a_source_does_not_have_is_refused() -> None:
    with pytest.raises(SourceError, match="builtin:library cannot be read as 'question-answering'"):
        load(DatasetRef("builtin", "library", kind=KIND), cache="")
    with pytest.raises(SourceError, match="known here: text-classification, question-answering"):
        load(DatasetRef("file", "rows", "rows.csv", kind="summarisation"), cache="")
    with pytest.raises(TypeError, match="expected questions, got Rows"):
        questions_of(Rows(["a"], ["b"]))


def test_a_context_stays_on_one_side(tmp_path: Path) -> None:
    write(tmp_path, squad_rows(40))
    labelled = read(tmp_path)
    splits = prepare(labelled, None, 7)
    sides = [
        {one.context for one in questions_of(rows).items}
        for rows in (splits.train, splits.validation, splits.test)
    ]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert (len(splits.test), len(splits.validation), splits.labels) == (18, 15, ())
    assert sum(map(len, (splits.train, splits.validation, splits.test))) == 120
    assert prepare(labelled, None, 7) == splits
    few = prepare(labelled, 20, 7, validation_rows=5, test_rows=5)
    assert (len(few.train), len(few.validation), len(few.test)) == (20, 5, 5)
    assert set(few.train.texts) < set(splits.train.texts)


def test_what_is_judged_is_not_trained_on(tmp_path: Path) -> None:
    rows = squad_rows(20)
    write(tmp_path, rows)
    write(tmp_path, rows[:15], "test.jsonl")
    labelled = read(tmp_path, test_path="test.jsonl")
    splits = prepare(labelled, None, 7)
    assert len(splits.test) == 15
    assert not set(splits.train.texts) & set(splits.test.texts)
    one = Questions.of(questions_of(labelled.train).items[:3])
    with pytest.raises(SourceError, match="questions about one context stay together"):
        prepare(LabelledText(one), None, 7)


def test_a_test_split_whose_answers_are_kept_secret_is_not_used(tmp_path: Path) -> None:
    write(tmp_path, squad_rows())
    write(tmp_path, [{**row, "answers": []} for row in squad_rows()], "test.jsonl")
    found = read(tmp_path, test_path="test.jsonl")
    assert found.test is None
    assert found.warnings == ("test: none of its questions has an answer; it is not used.",)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "train", "test", "silent"),
    [("squad_v1_xquad_en", 945, 245, 0), ("squad_v2", 2000, 500, 1048), ("drop", 2000, 500, 0)],
)
def test_published_sets_load_whole(qa_data: Path, name: str, train: int, test: int, silent: int) -> None:
    labelled = load(
        DatasetRef("file", name, f"{name}/train.jsonl.gz", test_path=f"{name}/test.jsonl.gz", kind=KIND),
        roots=[str(qa_data)],
        cache="",
    )
    rows = questions_of(labelled.train)
    assert (len(rows), len(labelled.test or [])) == (train, test)
    assert sum(not one.answers for one in rows.items) == silent
    assert labelled.warnings == ()
    if name != "drop":
        assert all(one.span for one in rows.items if one.answers)
        assert all(one.context[slice(*one.span)] == one.answer for one in rows.items if one.span)
