"""What a body may be (a line each, packed), and answers that need not be sent again."""

from __future__ import annotations

import gzip
import json
import threading

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from knowledgebase.experiences.models import Experience, Run, TaskDescription

pytestmark = pytest.mark.django_db
URL = "/api/v1/experiences/"


def lines(*records):
    return "\n".join(json.dumps(one) for one in records)


def test_one_record_a_line_with_a_result_each(owner, record):
    sent = [record(), record()]
    body = lines(sent[0]) + "\n\n{broken\n" + lines(sent[1]) + "\n"
    answer = owner.api.post(URL, body, content_type="application/x-ndjson")
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [item["status"] for item in results] == [201, 400, 201]
    assert "line 3" in results[1]["problem"]["detail"]
    assert [item["id"] for item in results] == [sent[0]["id"], None, sent[1]["id"]]


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
def test_packed_bodies(owner, record, kind):
    sent = [record(), record()]
    plain = json.dumps(sent) if kind == "application/json" else lines(*sent)
    half = len(plain) // 2
    packed = gzip.compress(plain[:half].encode()) + gzip.compress(plain[half:].encode())
    answer = owner.api.post(URL, packed, content_type=kind, headers={"content-encoding": "gzip"})
    assert [item["status"] for item in answer.json()["results"]] == [201, 201]


def test_a_single_record_of_lines_is_a_batch_of_one(owner, record):
    answer = owner.api.post(URL, lines(record()), content_type="application/x-ndjson")
    assert (answer.status_code, len(answer.json()["results"])) == (200, 1)


@pytest.mark.parametrize(
    ("body", "coding", "status", "code"),
    [
        (b"no gzip", "gzip", 400, "malformed_body"),
        (gzip.compress(b"[]")[:-4], "gzip", 400, "malformed_body"),
        (gzip.compress(b"[]") + b"rest", "gzip", 400, "malformed_body"),
        (b"[]", "br", 415, "unsupported_encoding"),
    ],
)
def test_what_is_not_packed_as_it_says(owner, body, coding, status, code):
    answer = owner.api.post(URL, body, content_type="application/json", headers={"content-encoding": coding})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_small_body_that_unpacks_to_a_large_one_is_refused(owner, settings):
    settings.MAX_BODY_BYTES = 100_000
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    answer = owner.api.post(URL, bomb, content_type="application/json", headers={"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_what_is_known_is_not_sent_again(owner, stranger, record):
    sent = record()
    owner.api.post(URL, sent, content_type="application/json")
    one = f"{URL}{sent['id']}/"
    first = owner.api.get(one)
    tag = first["ETag"]
    for known in (tag, f'W/{tag}, "x"', "*"):
        again = owner.api.get(one, headers={"if-none-match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert owner.api.get(one, headers={"if-none-match": '"other"'}).status_code == 200
    assert stranger.api.get(one, headers={"if-none-match": tag}).status_code == 404
    owner.api.patch(one, {"visibility": "private"}, content_type="application/json")
    changed = owner.api.get(one, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed["ETag"] != tag


LISTS = (
    "experiences/",
    "runs/",
    "tasks/",
    "language-models/",
    "systems/",
    "datasets/",
    "searches/",
    "tokens/",
)


@pytest.fixture
def full_store(owner, mate, record):
    """One of everything that is listed, which the mate sees too."""
    sent, running = record(), record()
    owner.api.post(URL, [sent], content_type="application/json")
    told = {
        name: part for name, part in running.items() if name not in ("outcome", "metrics", "primary", "cost")
    }
    owner.api.post("/api/v1/runs/", told, content_type="application/json")
    return sent


@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_has_not_changed_is_not_sent_again(owner, mate, full_store, path):
    address = f"/api/v1/{path}"
    first = owner.pages.get(address)
    assert first.status_code == 200
    again = owner.pages.get(address, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Cache-Control"] == "private, no-cache"
    theirs = mate.pages.get(address)
    assert theirs["ETag"] != first["ETag"], "two readers share a tag"
    assert mate.pages.get(address, headers={"if-none-match": first["ETag"]}).status_code == 200


def test_whatever_changes_in_a_list_changes_its_tag(owner, mate, full_store, record):
    """Also what no change number tells of: a name, a person who goes, a run that gives a sign of life."""
    stored = f"{URL}{full_store['id']}/"

    def tags():
        paths = (*LISTS, "experiences/?fields=owner,team,task", f"experiences/{full_store['id']}/")
        return {path: mate.pages.get(f"/api/v1/{path}")["ETag"] for path in paths}

    def changed_by(change):
        before = tags()
        change()
        after = tags()
        return {path for path in before if before[path] != after[path]}

    of_experiences = {"experiences/", "experiences/?fields=owner,team,task", stored.removeprefix("/api/v1/")}

    def rename_owner():
        owner.user.username = "olga-maria"
        owner.user.save(update_fields=["username"])

    assert changed_by(lambda: None) == set()
    assert changed_by(rename_owner) == {*of_experiences, "runs/"}
    assert changed_by(lambda: Run.objects.update(last_seen_at=timezone.now())) == {"runs/"}
    assert changed_by(lambda: Run.objects.all().delete()) == {"runs/"}
    assert "tasks/" in changed_by(lambda: TaskDescription.objects.update(name="storm"))
    new = record()
    assert "experiences/" in changed_by(lambda: owner.api.post(URL, new, content_type="application/json"))
    wider = {"visibility": "hub"}
    wider["shown"] = owner.api.get(f"{stored}publication/?visibility=hub").json()["shown"]
    publish = lambda: owner.api.post(f"{stored}publication/", wider, content_type="application/json")  # noqa: E731
    assert {"experiences/", stored.removeprefix("/api/v1/")} <= changed_by(publish)
    gone = changed_by(lambda: owner.api.delete(f"{URL}{new['id']}/"))
    assert {"experiences/", "tasks/"} <= gone
    assert {"experiences/", *of_experiences} <= changed_by(owner.user.delete)


@pytest.mark.django_db(transaction=True)
def test_two_clients_with_the_same_id_at_once_make_one_row(owner, record):
    """Each of 6 clients sends its own content under one id: one is taken, the others are told so."""
    shared, answers, start = record()["id"], [], threading.Barrier(6)
    bodies = [
        json.dumps({**record(), "id": shared, "finished_at": f"2026-11-21T10:0{n}:00Z"}) for n in range(6)
    ]

    def send(body):
        client = Client(headers={"authorization": f"Bearer {owner.token}"})
        start.wait()
        answers.append(client.post(URL, body, content_type="application/json").status_code)
        connections.close_all()

    threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, *[409] * 5]
    assert Experience.objects.count() == 1
