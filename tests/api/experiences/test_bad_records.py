"""Records that are wrong, sent to the API: each is refused with its reason, and nothing of it is stored."""

from __future__ import annotations

import json
import time

import pytest

from knowledgebase.experiences.models import Experience, Task

pytestmark = pytest.mark.django_db
URL = "/api/v1/experiences/"
# file -> status, words of the answer
REFUSED = {
    "record_unknown_schema_version.json": (422, ("9999", "tunelore.experience/1")),
    "record_nested_pipelines.json": (422, ("/pipeline/hyperparameters/inner",)),
    "record_wrong_types.json": (
        422,
        (
            "/pipeline/hyperparameters",
            "0,5",
            "finished",
            "yesterday",
            "1.7",
            "/curve",
        ),
    ),
    "record_no_metrics_but_finished.json": (422, ("metrics",)),
    "record_id_not_uuid.json": (422, ("run-0001", "UUID")),
    "record_nan_infinity.json": (400, ("NaN", "Infinity")),
}
# file -> statuses of its lines
LINES = {
    "record_path_like_strings.jsonl": [201] * 10 + [422],
    "record_html_sql_strings.jsonl": [201] * 7,
    "record_duplicate_ids_conflict.jsonl": [201, 200, 409],
    "record_unicode_tricks.jsonl": [201] * 7,
}


def post(person, body):
    return person.api.post(URL, body, content_type="application/json")


@pytest.mark.shared_data
@pytest.mark.parametrize("name", REFUSED)
def test_one_bad_record(owner, shared_data, name):
    status, words = REFUSED[name]
    answer = post(owner, (shared_data / "malformed" / name).read_bytes())
    assert answer.status_code == status
    told = answer.content.decode()
    assert [word for word in words if word not in told] == []
    assert (Experience.objects.count(), Task.objects.count()) == (0, 0)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", LINES)
def test_many_odd_records(owner, shared_data, name):
    lines = (shared_data / "malformed" / name).read_bytes().strip().split(b"\n")
    answer = post(owner, b"[" + b",".join(lines) + b"]").json()
    assert [item["status"] for item in answer["results"]] == LINES[name]
    assert Experience.objects.count() == LINES[name].count(201)
    for sent in {json.loads(line)["id"]: json.loads(line) for line in reversed(lines)}.values():
        back = owner.api.get(f"{URL}{sent['id']}/")
        assert back.status_code == 404 or back.json()["record"] == sent


def test_ten_megabytes_of_hyperparameters(owner, record):
    huge = {f"p{index:07d}": 0.001 * index for index in range(450_000)}
    body = json.dumps(record(pipeline={"method": "full", "hyperparameters": huge}))
    began = time.process_time()
    answer = post(owner, body)
    assert time.process_time() - began < 30
    assert (answer.status_code, answer.json()["code"]) == (413, "record_too_large")
    assert len(answer.content) < 2000
    assert Experience.objects.count() == 0


def test_a_large_record_in_a_batch_hinders_no_other(owner, record):
    curve = [{"step": step, "values": {"loss": 0.123456789, "x" * 150: 1.0}} for step in range(2000)]
    answer = post(owner, json.dumps([record(), record(curve=curve)])).json()
    assert [item["status"] for item in answer["results"]] == [201, 413]
