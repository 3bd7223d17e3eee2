"""/api/v1/experiences/ and its neighbours, through the real URLs with real tokens."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from knowledgebase.experiences.models import Experience, Run

pytestmark = pytest.mark.django_db
URL = "/api/v1/experiences/"


def post(person, body, url=URL):
    return person.api.post(
        url, body if isinstance(body, str) else json.dumps(body), content_type="application/json"
    )


def test_one_record_is_created_read_and_recognised(owner, record):
    sent = record()
    first, again = post(owner, sent), post(owner, sent)
    assert (first.status_code, again.status_code) == (201, 200)
    answer = owner.api.get(f"{URL}{sent['id']}/").json()
    assert answer["record"] == sent
    assert answer["hub"]["owner"] == "olga"
    assert answer["hub"]["digest"].startswith("sha256:")


def test_a_batch_answers_for_each_item(owner, record):
    sent = record()
    changed = {**sent, "finished_at": "2026-11-20T11:00:00Z"}
    answer = post(owner, [sent, sent, changed, {"id": "run-0001"}])
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [item["status"] for item in results] == [201, 200, 409, 422]
    assert results[3]["problem"]["code"] == "invalid_record"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"schema": NaN}', 400),
        ('{"a": 1, "a": 2}', 400),
        ("not json", 400),
        ("[" * 100_000, 400),
        ('"text"', 422),
    ],
)
def test_what_is_no_record_is_a_problem(owner, body, status):
    answer = post(owner, body)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert Experience.objects.count() == 0


def test_too_many_and_too_much(owner, record, settings):
    settings.MAX_BATCH_ITEMS = 2
    assert post(owner, [record()] * 3).json()["code"] == "batch_too_large"
    settings.MAX_BODY_BYTES = 1000
    assert post(owner, [record()] * 2).status_code == 413


def test_filters_and_pages(owner, record, failed_record):
    for number in range(5):
        parts = {"pipeline": {"method": "lora" if number % 2 else "full", "hyperparameters": {"n": number}}}
        post(owner, record(**parts))
    post(owner, failed_record("oom"))
    assert len(owner.api.get(URL, {"method": "lora"}).json()["results"]) == 2
    assert len(owner.api.get(URL, {"status": "failed"}).json()["results"]) == 1
    assert len(owner.api.get(URL, {"status": "ok,oom"}).json()["results"]) == 6
    page = owner.api.get(URL, {"limit": 4}).json()
    rest = owner.api.get(page["next"]).json()
    numbers = [item["hub"]["change_seq"] for item in page["results"] + rest["results"]]
    assert numbers == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("query", "code", "word"),
    [
        ({"colour": "red"}, "unknown_parameter", "colour"),
        ({"status": "fine"}, "invalid", "fine"),
        ({"since": "soon"}, "invalid", "soon"),
    ],
)
def test_wrong_filters_are_named(owner, query, code, word):
    answer = owner.api.get(URL, query)
    assert answer.status_code in (400, 422)
    assert (answer.json()["code"], word in answer.json()["detail"]) == (code, True)


def test_nobody_sees_another_teams_experience(owner, mate, stranger, record):
    sent = record()
    post(owner, sent)
    statuses = {
        name: who.api.get(f"{URL}{sent['id']}/").status_code
        for name, who in {"owner": owner, "mate": mate, "stranger": stranger}.items()
    }
    assert statuses == {"owner": 200, "mate": 200, "stranger": 404}
    assert stranger.api.get(URL).json()["results"] == []
    assert stranger.api.delete(f"{URL}{sent['id']}/").status_code == 404
    assert stranger.api.get("/api/v1/tasks/").json()["results"] == []
    assert stranger.api.get("/api/v1/language-models/").json()["results"] == []
    assert stranger.api.get("/api/v1/stats/").json()["experiences"] == 0


def test_a_token_without_the_scope_is_told_so(make_person, record):
    reader = make_person("reader", scopes="experiences:read")
    answer = post(reader, record())
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert "experiences:write" in answer.json()["detail"]


def test_delete_leaves_a_gap_that_stays(owner, record):
    sent = record()
    post(owner, sent)
    assert owner.api.delete(f"{URL}{sent['id']}/").status_code == 204
    assert post(owner, sent).status_code == 410


def test_runs_are_said_at_the_start_and_listed(owner, mate, stranger, record):
    told = {
        name: part for name, part in record().items() if name not in ("outcome", "metrics", "primary", "cost")
    }
    assert [post(owner, told, "/api/v1/runs/").status_code for _ in range(2)] == [201, 200]
    assert Run.objects.get().owner == owner.user
    listed = [len(who.api.get("/api/v1/runs/").json()["results"]) for who in (owner, mate, stranger)]
    assert listed == [1, 1, 0]
    assert post(owner, record(), "/api/v1/runs/").status_code == 422


def test_tasks_know_their_neighbours(owner, record):
    for number in range(3):
        sent = record()
        sent["task"]["name"] = f"task {number}"
        sent["task"]["dataset"]["fingerprint"] = f"rows-sha256:{number:064x}"
        sent["task"]["metafeatures"]["values"]["instances"] = 100 * 4**number
        post(owner, sent)
    tasks = {task["name"]: task for task in owner.api.get("/api/v1/tasks/").json()["results"]}
    detail = owner.api.get(f"/api/v1/tasks/{tasks['task 0']['digest']}/").json()
    assert [near["name"] for near in detail["nearest"]] == ["task 1", "task 2"]
    assert detail["nearest"][0]["distance"] < detail["nearest"][1]["distance"]
    assert detail["experiences"] == 1


def test_statistics(owner, record, failed_record):
    post(owner, [record(), record(), failed_record("timeout")])
    answer = owner.api.get("/api/v1/stats/").json()
    assert (answer["experiences"], answer["failed"], answer["tasks"]) == (3, 1, 1)
    assert answer["by_outcome"] == {"ok": 2, "timeout": 1}


def test_a_page_takes_few_queries(owner, record, django_assert_max_num_queries):
    post(owner, [record() for _ in range(30)])
    with django_assert_max_num_queries(7):
        owner.api.get(URL)


def test_a_second_import_changes_nothing(owner, record, tmp_path, capsys):
    from knowledgebase.accounts.services import create_user

    create_user("admin", is_superuser=True)
    path = tmp_path / "records.jsonl"
    path.write_text("\n".join(json.dumps(record()) for _ in range(3)) + '\n{"cut', encoding="utf-8")
    call_command("import_experiences", str(path), "--json")
    first = json.loads(capsys.readouterr().out)
    call_command("import_experiences", str(path), "--json")
    second = json.loads(capsys.readouterr().out)
    assert (first["imported"], first["refused"]) == (3, 1)
    assert (second["imported"], second["merged"]) == (0, 3)
    assert "line 4" in next(iter(first["reasons"]))


def test_a_field_with_unusual_letters_is_chosen_by_its_name(owner, record):
    pipeline = {"method": "lora", "space": None, "hyperparameters": {"a,b": 1, "model.rate": 2}}
    owner.api.post(URL, record(pipeline=pipeline), content_type="application/json")
    [found] = owner.api.get(URL, {"fields": 'h."a,b", score , h."model.rate",'}).json()["results"]
    assert (found['h."a,b"'], found['h."model.rate"']) == (1, 2)
    assert set(found) == {"id", "score", 'h."a,b"', 'h."model.rate"'}
    answer = owner.api.get(URL, {"fields": 'h."a,b'})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")


def test_filter_order_and_fields(owner, record, failed_record):
    for rate in (1e-4, 1e-3, 1e-2):
        pipeline = {"method": "lora", "space": None, "hyperparameters": {"learning_rate": rate}}
        owner.api.post(URL, record(pipeline=pipeline), content_type="application/json")
    owner.api.post(URL, failed_record("oom"), content_type="application/json")
    query = {
        "filter": "method = lora and status = ok and h.learning_rate > 1e-4",
        "order": "-h.learning_rate",
        "fields": "h.learning_rate,status,metrics.validation.f1_macro",
        "limit": 1,
    }
    first = owner.api.get(URL, query).json()
    assert [one["h.learning_rate"] for one in first["results"]] == [1e-2]
    assert set(first["results"][0]) == {"id", "h.learning_rate", "status", "metrics.validation.f1_macro"}
    second = owner.api.get(first["next"]).json()
    assert [one["h.learning_rate"] for one in second["results"]] == [1e-3]
    assert second["next"] is None
    for wrong, code in (
        ({"filter": "method = "}, "invalid_filter"),
        ({"order": "speed"}, "unknown_field"),
        ({"fields": "speed"}, "unknown_field"),
        ({"fields": ",".join(["score"] * 41)}, "too_many_fields"),
        ({"order": "score", "cursor": "x"}, "invalid_cursor"),
    ):
        answer = owner.api.get(URL, wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
