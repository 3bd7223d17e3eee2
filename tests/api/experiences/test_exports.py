"""Streams of experiences: what a spreadsheet opens, what another hub imports."""

from __future__ import annotations

import csv
import io
import json

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


def test_csv_in_order_with_the_usual_fields(owner, record):
    for score in (0.2, 0.9, 0.5):
        primary = {"split": "validation", "metric": "f1_macro", "value": score}
        record_experiences([record(primary=primary)], owner=owner.user, team=owner.team)
    rows = list(csv.DictReader(io.StringIO(text(owner.api.get(URL, {"as": "csv", "order": "-score"})))))
    assert [row["score"] for row in rows] == ["0.9", "0.5", "0.2"]
    assert rows[0]["h.learning_rate"] == "0.0001"


def test_refusals(owner, client):
    assert owner.api.get(URL, {"as": "xml"}).json()["code"] == "unknown_format"
    assert owner.api.get(URL, {"filter": "score >"}).json()["code"] == "invalid_filter"
    assert client.get(URL).status_code == 401
