"""Questions from a file to a dataset, form by form: what is guessed, what is shown of it, what cannot be."""

from __future__ import annotations

import io
import json

import pyarrow
import pytest
from pyarrow import parquet

from knowledgebase.searches import services
from knowledgebase.searches.models import Dataset
from tests.api.pages.test_new_search import token_of, upload

pytestmark = pytest.mark.django_db
COLUMNS = "/searches/new/columns/"
KIND = "question-answering"
NAMES = ("Ada", "Grace", "Alan", "Edsger")
PLACES = ("Lisbon", "Bergen", "Genoa", "Cadiz")


def rows(**nested):
    """Sixteen questions in the shape of SQuAD."""
    return [
        {
            "id": f"{name}-{place}",
            "context": f"{name} sailed to {place} at noon.",
            "question": "Who sailed?",
            "answers": {"text": [name], "answer_start": [0]} | nested,
        }
        for name in NAMES
        for place in PLACES
    ]


def lines(found):
    return "".join(json.dumps(row) + "\n" for row in found).encode()


def packed(found):
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(found), buffer)
    return buffer.getvalue()


def form(answer, **more):
    """What a browser sends back of a page of columns that nobody touched."""
    columns = answer.context["page"].columns
    return {
        "upload": answer.context["page"].token, "kind": columns.kind, "text_columns": list(columns.texts),
        "question_column": columns.question, "label_column": columns.label, **more,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "made"), [("sailors.jsonl", lines), ("sailors.parquet", packed)])
def test_questions_are_known_by_their_columns_and_shown_as_they_are_read(owner, name, made):
    answer = owner.pages.get(upload(owner, name, made(rows())).url)
    page = answer.context["page"]
    assert (page.columns.kind, page.columns.question, page.columns.label) == (KIND, "question", "answers")
    assert list(page.columns.texts) == ["context"]
    assert [(one.question, one.answers, one.span) for one in page.asked.shown[:1]] == [
        ("Who sailed?", ("Ada",), (0, 3))
    ]
    assert page.notes == []
    done = owner.pages.post(COLUMNS, form(answer))
    dataset = Dataset.objects.get()
    assert done.url == f"/searches/new/{dataset.pk}/"
    assert (dataset.kind, dataset.text_columns, dataset.label_column) == (
        KIND,
        ["context", "question"],
        "answers",
    )
    assert services.resolve_dataset(dataset.pk) == "ready"
    dataset.refresh_from_db()
    assert (dataset.train_rows, dataset.classes) == (16, {})
    set_up = owner.pages.get(done.url)
    assert [one for one, _ in set_up.context["page"].methods] == ["full", "lora", "partial"]
    assert "token-F1" in set_up.content.decode()


def test_the_kind_can_be_changed_both_ways(owner):
    plain = b"ask,passage,reply\n" + b"".join(
        b"Who sailed?,%s sailed at noon on day %d.,%s\n" % (name.encode(), day, name.encode())
        for name in NAMES
        for day in range(4)
    )
    address = upload(owner, "plain.csv", plain).url
    assert owner.pages.get(address).context["page"].columns.kind == "text-classification"
    page = owner.pages.get(f"{address}&kind={KIND}").context["page"]
    assert (page.columns.question, page.columns.label) == ("ask", "reply")
    assert page.columns.texts == ("passage",)
    nested = upload(owner, "sailors.jsonl", lines(rows())).url
    other = owner.pages.get(f"{nested}&kind=text-classification").context["page"]
    assert (other.columns.kind, other.asked) == ("text-classification", None)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"question_column": ""}, "Choose one of id, context, question, answers"),
        ({"question_column": "context"}, "context is chosen as context too"),
        ({"label_column": "question"}, "question is chosen as text too; an answer"),
        ({"text_columns": ["nothing"]}, "Choose one or more of id, context, question, answers"),
    ],
)
def test_columns_that_cannot_be(owner, changed, said):
    page = owner.pages.get(upload(owner, "sailors.jsonl", lines(rows())).url)
    answer = owner.pages.post(COLUMNS, form(page, **changed))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Dataset.objects.exists()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (rows()[:4], "4 questions are too few to split"),
        (rows(text=[], answer_start=[]), "No question has an answer in the file"),
        ([row | {"context": "One and the same."} for row in rows()], "All questions are about 1 context;"),
        (rows(text=[{}]), "line 1: answers is dict"),
    ],
)
def test_what_no_search_could_run_on_is_said_before_anything_is_kept(owner, found, said):
    answer = owner.pages.get(upload(owner, "sailors.jsonl", lines(found)).url)
    assert said in answer.content.decode()
    assert owner.pages.post(COLUMNS, form(answer)).status_code == 422
    assert not Dataset.objects.exists()


def test_answers_that_are_written_and_those_that_are_silence(owner):
    found = rows()
    found[0]["answers"] = {"text": [], "answer_start": []}
    found[1]["answers"] = {"text": ["a sailor"], "answer_start": [0]}
    page = owner.pages.get(upload(owner, "sailors.jsonl", lines(found)).url)
    told = " ".join(note.words for note in page.context["page"].notes)
    assert "1 of 16 questions have no answer" in told
    assert "1 of 15 answers do not stand in their context" in told
    assert owner.pages.post(COLUMNS, form(page)).status_code == 302


def test_questions_without_a_context(owner):
    alone = [{"question": f"What is {n} and {n}?", "answer": str(2 * n)} for n in range(20)]
    page = owner.pages.get(upload(owner, "sums.jsonl", lines(alone)).url)
    assert page.context["page"].columns.texts == ()
    assert owner.pages.post(COLUMNS, form(page)).status_code == 302
    assert Dataset.objects.get().text_columns == ["question"]


def test_questions_of_the_hf_hub(owner):
    owner.pages.post("/searches/new/", {"hub": "someone/questions", "hub_kind": KIND})
    made = Dataset.objects.get()
    assert (made.kind, made.text_columns, made.label_column) == (KIND, ["context", "question"], "answers")


def test_another_persons_token_opens_nothing(owner, stranger):
    token = token_of(upload(owner, "sailors.jsonl", lines(rows())))
    assert stranger.pages.get(COLUMNS, {"upload": token, "kind": KIND}).status_code == 404
