"""Publishing: shown exactly first, then done, noted, and never by somebody else. Deleting: for good."""

from __future__ import annotations

import pytest

from knowledgebase.accounts.models import AuditEntry
from knowledgebase.experiences.models import Experience, LanguageModel, Pipeline, System, Task, Tombstone

pytestmark = pytest.mark.django_db
URL = "/api/v1/experiences/"
JSON = {"content_type": "application/json"}


@pytest.fixture
def stored(owner, record):
    sent = record(extra={"note": "tried at night"})
    sent["provenance"]["command"] = "python /home/olga/train.py --to olga@example.org"
    assert owner.api.post(URL, sent, **JSON).status_code == 201
    return f"{URL}{sent['id']}/"


def test_what_is_shown_is_what_others_then_read(owner, stranger, stored):
    shown = owner.api.get(f"{stored}publication/").json()
    assert (shown["visibility"], shown["wanted"]) == ("team", "public")
    assert stranger.api.get(stored).status_code == 404
    body = {"visibility": "public", "shown": shown["shown"]}
    done = owner.api.post(f"{stored}publication/", body, **JSON)
    assert (done.status_code, done.json()["visibility"]) == (200, "public")
    read = stranger.api.get(stored).json()
    expected = shown["experience"]
    read["hub"].pop("change_seq"), expected["hub"].pop("change_seq")
    assert {"record": read["record"], "hub": read["hub"]} == expected
    [entry] = AuditEntry.objects.filter(action="experience.publish")
    assert (entry.facts["before"], entry.facts["after"]) == ("team", "public")


def test_texts_that_may_tell_of_people_are_pointed_at(owner, stored):
    told = {one["pointer"]: one["why"] for one in owner.api.get(f"{stored}publication/").json()["telling"]}
    assert "e-mail" in told["/provenance/command"]
    assert "no rule" in told["/extra"]


def test_another_digest_publishes_nothing(owner, stored):
    hub = owner.api.get(f"{stored}publication/?visibility=hub").json()["shown"]
    for shown in ("sha256:0", hub):  # what was shown for the hub is not a word for everybody
        answer = owner.api.post(f"{stored}publication/", {"visibility": "public", "shown": shown}, **JSON)
        assert (answer.status_code, answer.json()["code"]) == (409, "shown_differs")
    assert Experience.objects.get().visibility == "team"
    assert owner.api.get(f"{stored}publication/?visibility=private").status_code == 422


@pytest.mark.parametrize(("who", "status"), [("mate", 403), ("stranger", 404)])
def test_nobody_publishes_for_somebody_else(request, owner, stored, who, status):
    body = {"visibility": "public", "shown": owner.api.get(f"{stored}publication/").json()["shown"]}
    api = request.getfixturevalue(who).api
    assert api.get(f"{stored}publication/").status_code == status
    assert api.post(f"{stored}publication/", body, **JSON).status_code == status
    assert Experience.objects.get().visibility == "team"


def test_deleting_leaves_a_tombstone_and_nothing_else(owner, record):
    first, second = record(), record()
    second["pipeline"]["hyperparameters"] = {"learning_rate": 0.5}
    for sent in (first, second):
        owner.api.post(URL, sent, **JSON)
    assert Pipeline.objects.count() == 2
    assert owner.api.delete(f"{URL}{first['id']}/").status_code == 204
    assert (Pipeline.objects.count(), Task.objects.count(), LanguageModel.objects.count()) == (1, 1, 1)
    assert owner.api.delete(f"{URL}{second['id']}/").status_code == 204
    left = [model.objects.count() for model in (Experience, Pipeline, Task, System, LanguageModel)]
    assert (left, Tombstone.objects.count()) == ([0] * 5, 2)
    answer = owner.api.post(URL, first, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (410, "deleted")


def test_equal_content_under_another_id_is_shown_as_a_duplicate(owner, stranger, record):
    first = record()
    second, theirs = {**first, "id": record()["id"]}, {**first, "id": record()["id"]}
    for person, sent in ((owner, first), (owner, second), (stranger, theirs)):
        assert person.api.post(URL, sent, **JSON).status_code == 201
    found = owner.api.get(f"{URL}{first['id']}/").json()["duplicates"]
    assert found == [second["id"]]
