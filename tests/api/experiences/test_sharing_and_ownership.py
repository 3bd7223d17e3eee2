"""Who owns, sees, shares and deletes, through the API: the owner, a mate on the team, a stranger."""

from __future__ import annotations

import pytest

from knowledgebase.experiences.models import Experience

pytestmark = pytest.mark.django_db
URL = "/api/v1/experiences/"
JSON = {"content_type": "application/json"}


@pytest.fixture
def stored(owner, record):
    sent = record()
    assert owner.api.post(URL, sent, **JSON).status_code == 201
    return f"{URL}{sent['id']}/"


@pytest.mark.parametrize(
    ("who", "read", "share", "delete"),
    [("owner", 200, 200, 204), ("mate", 200, 403, 403), ("stranger", 404, 404, 404)],
)
def test_who_may_what(request, stored, who, read, share, delete):
    api = request.getfixturevalue(who).api
    assert api.get(stored).status_code == read
    assert api.patch(stored, {"visibility": "private"}, **JSON).status_code == share
    assert api.delete(stored).status_code == delete


def test_an_owner_of_the_team_may_delete_and_a_reader_may_not_write(owner, make_person, stored):
    reader = make_person("reader", scopes="experiences:read", team=owner.team)
    for answer in (reader.api.patch(stored, {"visibility": "hub"}, **JSON), reader.api.delete(stored)):
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_taking_back_shows_in_the_answer_and_to_mates(owner, mate, stored):
    assert mate.api.get(stored).status_code == 200
    answer = owner.api.patch(stored, {"visibility": "private"}, **JSON).json()
    assert (answer["hub"]["visibility"], answer["hub"]["change_seq"]) == ("private", 2)
    assert mate.api.get(stored).status_code == 404
    wrong = owner.api.patch(stored, {"visibility": "all"}, **JSON)
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["pointer"] == "/visibility"


@pytest.mark.parametrize(
    ("now", "wanted"), [("private", "team"), ("team", "hub"), ("team", "public"), ("hub", "public")]
)
def test_more_people_see_it_only_by_what_was_shown(owner, stranger, stored, now, wanted):
    Experience.objects.update(visibility=now)
    refused = owner.api.patch(stored, {"visibility": wanted}, **JSON)
    assert (refused.status_code, refused.json()["code"]) == (409, "widening_is_publishing")
    assert Experience.objects.get().visibility == now
    way = f"{stored}publication/?visibility={wanted}"
    assert way in refused.json()["detail"]
    body = {"visibility": wanted, "shown": owner.api.get(way).json()["shown"]}
    assert owner.api.post(f"{stored}publication/", body, **JSON).status_code == 200
    assert Experience.objects.get().visibility == wanted
    assert stranger.api.get(stored).status_code == (404 if wanted == "team" else 200)


@pytest.mark.parametrize("wanted", ["hub", "team", "private", "public"])
def test_fewer_people_need_no_look(owner, stored, wanted):
    Experience.objects.update(visibility="public")
    assert owner.api.patch(stored, {"visibility": wanted}, **JSON).status_code == 200
    assert Experience.objects.get().visibility == wanted


@pytest.mark.parametrize("wanted", ["hub", "public"])
@pytest.mark.parametrize("many", [True, False])
def test_nothing_is_published_by_sending_it(owner, stranger, record, wanted, many):
    """Publishing shows first what becomes visible; what is only being sent nobody has looked at."""
    refused = owner.api.post(f"{URL}?visibility={wanted}", [record()] if many else record(), **JSON)
    assert (refused.status_code, refused.json()["code"]) == (422, "publishing_is_explicit")
    assert f"publication/?visibility={wanted}" in refused.json()["detail"]
    assert not Experience.objects.exists()


def test_a_batch_may_be_sent_as_private_or_for_the_team(owner, mate, record):
    for visibility in ("private", "team"):
        assert owner.api.post(f"{URL}?visibility={visibility}", [record()], **JSON).status_code == 200
    seen = [item["hub"]["visibility"] for item in mate.api.get(URL).json()["results"]]
    assert seen == ["team"]
    refused = owner.api.post(f"{URL}?visibility=all", [record()], **JSON)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")


def test_the_same_record_from_two_people_is_stored_once_and_shows_nothing_of_the_first(
    owner, stranger, record
):
    sent = record()
    owner.api.post(URL, sent, **JSON)
    answer = stranger.api.post(URL, sent, **JSON)
    assert (answer.status_code, answer.json()["hub"]) == (200, None)
    assert Experience.objects.get().owner == owner.user
    changed = stranger.api.post(URL, {**sent, "finished_at": "2027-01-01T00:00:00Z"}, **JSON)
    assert changed.status_code == 409
