"""The list of experiences as people use it: expressions, columns, orders, downloads, and side by side."""

from __future__ import annotations

import csv
import io
import json
from html import escape
from html.parser import HTMLParser

import pytest
from django.db import connection

from knowledgebase.experiences.selectors import experiences as counting
from knowledgebase.experiences.services import record_experiences
from tests.endless import look_for_ever

pytestmark = pytest.mark.django_db


@pytest.fixture
def runs(owner, record, failed_record):
    """Three successes with rates 1e-4, 1e-3, 1e-2 and scores .5, .9, .7; a failure without a score."""
    batch = [
        record(
            pipeline={
                "method": "lora",
                "space": None,
                "hyperparameters": {"learning_rate": rate, "epochs": 3},
            },
            primary={"split": "validation", "metric": "f1_macro", "value": score},
            curve=[{"step": step, "values": {"loss": 1 / step}} for step in (1, 2, 4)],
        )
        for rate, score in ((1e-4, 0.5), (1e-3, 0.9), (1e-2, 0.7))
    ]
    batch.append(failed_record("oom"))
    results = record_experiences(batch, owner=owner.user, team=owner.team)
    assert [one.problem for one in results] == [None] * 4
    return batch


class Fields(HTMLParser):
    """What the form around one field would send: the names and values of all its fields."""

    def __init__(self, answer, field):
        super().__init__()
        self.form, self.sent, self.field = {}, {}, field
        self.feed(answer.content.decode())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.form = {}
        if tag == "input":
            self.form[given["name"]] = given.get("value", "")
            if given.get("id") == self.field:
                self.sent = self.form

    handle_startendtag = handle_starttag


def rows(answer, place=0):
    return [row.cells[place].text for row in answer.context["page"].rows]


def test_an_expression_columns_and_an_order_make_a_link(owner, runs):
    address = "/experiences/?filter=h.learning_rate > 1e-4&columns=h.learning_rate,score&order=-score"
    answer = owner.pages.get(address)
    assert rows(answer) == ["1.0e-3", "1.0e-2"]
    assert rows(answer, 1) == ["0.9000", "0.7000"]
    page = answer.context["page"]
    assert owner.pages.get(page.wish.address()).context["page"].rows == page.rows
    # A click on the sorted column turns it round; on another, numbers begin with the largest.
    assert [column.sort for column in page.columns] == ["", "descending"]
    assert "order=score" in page.columns[1].address
    assert "order=-h.learning_rate" in page.columns[0].address
    assert [chip.name for chip in page.chips] == ["filter"]
    assert page.chips[0].without == "/experiences/?order=-score&columns=h.learning_rate,score"


def test_an_expression_is_typed_beside_the_filters_that_are_set(owner, runs):
    asked = {"status": "oom", "task": "notes", "q": "lora", "team": owner.team.slug, "order": "-score"}
    asked |= {"filter": "h.epochs > 1", "columns": "score"}
    assert Fields(owner.pages.get("/experiences/", asked), "f-filter").sent == asked
    # Nor does a slip in it cost anything.
    asked["filter"] = "h.epochs >"
    assert Fields(owner.pages.get("/experiences/", asked), "f-filter").sent == asked
    sent = Fields(owner.pages.get("/experiences/?status=oom"), "f-filter").sent
    found = owner.pages.get("/experiences/", {**sent, "filter": "status != error"}).context["page"]
    assert [row.id for row in found.rows] == [runs[3]["id"]]


def test_ticks_and_typed_columns_come_together(owner, runs):
    answer = owner.pages.get("/experiences/", {"columns": ["method", "score", "h.epochs, meta.classes"]})
    assert [column.name for column in answer.context["page"].columns] == [
        "method",
        "score",
        "h.epochs",
        "meta.classes",
    ]
    assert answer.context["page"].typed == "meta.classes"


def test_missing_values_come_last_and_say_so(owner, runs):
    answer = owner.pages.get("/experiences/?columns=score&order=score")
    assert rows(answer) == ["0.5000", "0.7000", "0.9000", ""]
    assert 'title="not known or not applicable"' in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("filter=method = ", 400, "expected a value"),
        ("order=speed", 400, "there is no field"),
        ("columns=speed", 400, "there is no field"),
        ("after=nonsense", 400, "the cursor"),
        ("speed=3", 400, "does not exist"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_written_stays(owner, runs, query, status, said):
    answer = owner.pages.get(f"/experiences/?{query}")
    assert answer.status_code == status
    text = answer.content.decode()
    assert said in text
    if query.startswith("filter"):
        assert 'value="method = "' in text


def test_downloads_are_exactly_what_is_seen(owner, stranger, runs):
    page = owner.pages.get(
        "/experiences/?filter=status = ok&columns=score,h.learning_rate&order=score"
    ).context["page"]
    answer = owner.pages.get(page.csv)
    table = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["score"] for row in table] == ["0.5", "0.7", "0.9"]
    assert list(table[0]) == ["id", "score", "h.learning_rate"]
    lines = b"".join(owner.pages.get(page.ndjson).streaming_content).decode().splitlines()
    assert [list(json.loads(line)) for line in lines] == [["id", "score", "h.learning_rate"]] * 3
    assert [json.loads(line)["score"] for line in lines] == [0.5, 0.7, 0.9]
    assert b"".join(stranger.pages.get(page.ndjson).streaming_content) == b""


def test_whole_records_are_a_download_of_their_own(owner, runs):
    answer = owner.pages.get("/experiences/?filter=status = ok&columns=score&order=score")
    page = answer.context["page"]
    assert f'href="{escape(page.records)}">Download whole records</a>' in answer.content.decode()
    lines = b"".join(owner.pages.get(page.records).streaming_content).decode().splitlines()
    assert [json.loads(line) for line in lines] == [runs[0], runs[2], runs[1]]


def test_side_by_side_only_what_differs(owner, runs):
    answer = owner.pages.get("/experiences/compare/", {"id": [runs[0]["id"], runs[1]["id"], runs[3]["id"]]})
    page = answer.context["page"]
    found = {row.name: [(cell.text, cell.differs) for cell in row.cells] for row in page.differing}
    assert found["learning rate"] == [("1.0e-4", False), ("1.0e-3", True), ("1.0e-4", False)]
    assert [text for text, _ in found["status"]] == ["ok", "ok", "oom"]
    assert "epochs" in found
    assert "name" in {row.name for row in page.equal}
    assert [one.title for one in page.figures] == ["Training loss", "Where each lies"]
    assert "Show the" in answer.content.decode()


def test_compare_needs_two_that_may_be_seen(owner, stranger, runs):
    ids = [one["id"] for one in runs[:2]]
    for person, asked in ((owner, ids[:1]), (owner, ["x", ""]), (owner, []), (stranger, ids)):
        answer = person.pages.get("/experiences/compare/", {"id": asked})
        assert answer.status_code == 200
        assert "Nothing to compare yet" in answer.content.decode()
        assert answer.context["page"].differing == []


def test_only_the_chosen_columns_are_fetched(owner, runs, django_assert_max_num_queries):
    with django_assert_max_num_queries(6) as captured:
        owner.pages.get("/experiences/?columns=score")
    listing = [query["sql"] for query in captured if "sort_key" in query["sql"] or "field_3" in query["sql"]]
    assert listing
    assert all('"record"' not in sql for sql in listing)


def test_any_two_numbers_against_each_other(owner, stranger, runs):
    answer = owner.pages.get("/experiences/scatter/?x=h.learning_rate&y=score")
    page = answer.context["page"]
    assert (page.looked_at, page.missing) == (len(runs), 1), "the failed run has no score"
    assert sorted(one.dot.y for one in page.chart.dots) == [0.5, 0.7, 0.9]
    assert page.chart.dots[0].dot.address in answer.content.decode()
    none = stranger.pages.get("/experiences/scatter/?x=h.learning_rate&y=score").context["page"]
    assert (none.looked_at, none.chart) == (0, None)
    text = owner.pages.get("/experiences/scatter/?x=method&y=score").context["page"]
    assert (text.chart, text.missing) == (None, len(runs))


def test_a_scatter_of_named_runs_has_their_letters(owner, runs):
    ids = [runs[1]["id"], runs[0]["id"]]
    page = owner.pages.get("/experiences/scatter/", {"id": ids}).context["page"]
    assert {one.dot.letter: one.dot.address for one in page.chart.dots} == {
        letter: f"/experiences/{one}/" for letter, one in zip("AB", ids, strict=True)
    }
    assert page.back == f"/experiences/compare/?id={ids[0]}&id={ids[1]}"


def test_a_scatter_of_what_is_no_field(owner, runs):
    answer = owner.pages.get("/experiences/scatter/?x=beauty")
    assert answer.status_code == 400
    assert "beauty" in answer.content.decode()
    assert owner.pages.get("/experiences/scatter/?nonsense=1").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_a_list_does_not_wait_for_its_counts(owner, runs, monkeypatch):
    monkeypatch.setattr(counting, "COUNT_S", 0.05)
    monkeypatch.setattr(counting, "_outcome_counts", look_for_ever)
    answer = owner.pages.get("/experiences/?method=lora")
    assert answer.status_code == 200
    assert len(answer.context["page"].rows) > 0
    assert "too many to count at once" in answer.content.decode()


def test_of_very_many_the_newest_are_counted(owner, runs, monkeypatch):
    monkeypatch.setattr(counting, "COUNTED_ROWS", 1)
    page = owner.pages.get("/experiences/?method=lora").context["page"]
    text = owner.pages.get("/experiences/?method=lora").content.decode()
    if connection.vendor == "postgresql":
        assert (page.total, page.is_exact, page.all_counted) == (2, False, False)
        assert "More than 1 runs with these filters" in text
        assert "Outcomes of the newest" in text
    else:
        assert page.is_exact
        assert page.total > 1
