"""Streams of experiences: what a spreadsheet opens, what another hub imports."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.db import connection

from knowledgebase.core.database import refresh_statistics
from knowledgebase.experiences import exports, selectors
from knowledgebase.experiences.services import record_experiences

URL = "/api/v1/experiences/export/"


def text(answer):
    return b"".join(answer.streaming_content).decode()


def test_ndjson_is_what_was_sent_and_nothing_else(owner, stranger, record, failed_record):
    sent = [record(), failed_record("timeout")]
    record_experiences(sent, owner=owner.user, team=owner.team)
    record_experiences([record()], owner=stranger.user, team=stranger.team)
    answer = owner.api.get(URL)
    assert answer["X-Row-Count"] == "2"
    found = [json.loads(line) for line in text(answer).splitlines()]
    assert sorted(one["id"] for one in found) == sorted(one["id"] for one in sent)
    assert {one["id"]: one for one in found}[sent[0]["id"]]["pipeline"] == sent[0]["pipeline"]
    one = owner.api.get(URL, {"filter": "status = timeout", "fields": "status,h.epochs"})
    assert [json.loads(line) for line in text(one).splitlines()] == [
        {"id": sent[1]["id"], "status": "timeout", "h.epochs": 2}
    ]


def test_csv_has_typed_cells_and_no_formula(owner, record):
    task = {"kind": "text-classification", "name": "=HYPERLINK(1)", "dataset": None, "label_column": "l"}
    task["dataset"] = {"source": "file", "name": "x", "label_column": "l"}
    hyperparameters = {"learning_rate": -1e-4, "note": "@SUM(A1)", "targets": ["q", "k"]}
    sent = record(task=task, pipeline={"method": "full", "space": None, "hyperparameters": hyperparameters})
    del sent["task"]["label_column"]
    assert record_experiences([sent], owner=owner.user, team=owner.team)[0].problem is None
    fields = "task,score,h.learning_rate,h.note,h.targets,h.absent"
    header, row = csv.reader(io.StringIO(text(owner.api.get(URL, {"as": "csv", "fields": fields}))))
    assert header == fields.split(",")
    assert row == ["'=HYPERLINK(1)", "0.8", "-0.0001", "'@SUM(A1)", '["q", "k"]', ""]


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_a_cell_that_a_spreadsheet_would_run_begins_with_an_apostrophe(owner, record, start):
    text_of_it = f"{start}SUM(1,2)"
    made = {
        "method": "full",
        "space": None,
        "hyperparameters": {"note": text_of_it, "inside": f"a{start}b", "least": -3},
    }
    [stored] = record_experiences([record(pipeline=made)], owner=owner.user, team=owner.team)
    assert stored.problem is None
    answer = owner.api.get(URL, {"as": "csv", "fields": "h.note,h.inside,h.least"})
    _, row = csv.reader(io.StringIO(text(answer), newline=""))
    assert row == [f"'{text_of_it}", f"a{start}b", "-3"]


def test_csv_in_order_with_the_usual_fields(owner, record):
    for score in (0.2, 0.9, 0.5):
        primary = {"split": "validation", "metric": "f1_macro", "value": score}
        record_experiences([record(primary=primary)], owner=owner.user, team=owner.team)
    rows = list(csv.DictReader(io.StringIO(text(owner.api.get(URL, {"as": "csv", "order": "-score"})))))
    assert [row["score"] for row in rows] == ["0.9", "0.5", "0.2"]
    assert rows[0]["h.learning_rate"] == "0.0001"


def test_parquet_has_typed_columns_and_loses_nothing(owner, record, failed_record):
    pytest.importorskip("pyarrow")
    from pyarrow import BufferReader
    from pyarrow.parquet import read_table

    sent = [record(), failed_record("oom")]
    sent[1]["pipeline"]["hyperparameters"] = {"learning_rate": "=fast", "epochs": 3, "deep": True}
    record_experiences(sent, owner=owner.user, team=owner.team)
    answer = owner.api.get(URL, {"as": "parquet", "order": "score"})
    table = read_table(BufferReader(b"".join(answer.streaming_content)))
    rows = table.to_pylist()
    assert [json.loads(row["record"]) for row in rows] == sent
    assert [row["h.learning_rate"] for row in rows] == [0.0001, None]
    assert [row["h.learning_rate:text"] for row in rows] == [None, '"=fast"']
    assert str(table.schema.field("started").type) == "timestamp[us, tz=UTC]"
    assert str(table.schema.field("score").type) == "double"
    few = owner.api.get(URL, {"as": "parquet", "fields": "score,id,h.deep,score", "filter": "status = oom"})
    table = read_table(BufferReader(b"".join(few.streaming_content)))
    assert table.to_pylist() == [{"id": sent[1]["id"], "score": None, "h.deep": None, "h.deep:text": "true"}]
    none = owner.api.get(URL, {"as": "parquet", "filter": "status = timeout"})
    assert read_table(BufferReader(b"".join(none.streaming_content))).num_rows == 0


def test_the_length_is_told_before(owner, record, monkeypatch):
    record_experiences([record() for _ in range(7)], owner=owner.user, team=owner.team)
    for form in ("ndjson", "csv", "parquet"):
        answer = owner.api.get(URL, {"as": form})
        length = len(b"".join(answer.streaming_content))
        assert answer["X-Row-Count"] == "7"
        assert answer["X-Row-Count-Is"] == "exact"
        assert int(answer["X-Length-Estimate"]) == length
    monkeypatch.setattr(exports.text, "SAMPLE_ROWS", 2)
    monkeypatch.setattr(exports, "SAMPLE_ROWS", 2)
    answer = owner.api.get(URL)
    assert int(answer["X-Length-Estimate"]) == pytest.approx(
        len(b"".join(answer.streaming_content)), rel=0.05
    )


def test_very_many_are_estimated_where_the_database_can(owner, record, monkeypatch):
    record_experiences([record() for _ in range(30)], owner=owner.user, team=owner.team)
    refresh_statistics()
    monkeypatch.setattr(selectors.experiences, "COUNTED_ROWS", 10)
    answer = owner.api.get(URL)
    is_exact = connection.vendor != "postgresql"
    assert answer["X-Row-Count-Is"] == ("exact" if is_exact else "estimate")
    assert 11 <= int(answer["X-Row-Count"]) <= 60


def test_refusals(owner, client):
    assert owner.api.get(URL, {"as": "xml"}).json()["code"] == "unknown_format"
    assert owner.api.get(URL, {"filter": "score >"}).json()["code"] == "invalid_filter"
    assert client.get(URL).status_code == 401
