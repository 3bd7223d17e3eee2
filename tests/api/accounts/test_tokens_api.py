"""Tokens over the API: made once, shown once, no further than their owner, ended at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from knowledgebase.accounts.models import SCOPES, ApiToken, AuditEntry, Membership
from knowledgebase.accounts.services import create_token

pytestmark = pytest.mark.django_db
URL = "/api/v1/tokens/"
JSON = {"content_type": "application/json"}


def bearer(text):
    return Client(headers={"authorization": f"Bearer {text}"})


def test_a_token_is_made_used_seen_and_ended(owner):
    body = {"name": "cluster", "scopes": ["experiences:read"], "days": 2}
    made = owner.pages.post(URL, body, **JSON)
    assert made.status_code == 201
    new = made.json()
    api = bearer(new["token"])
    assert api.get("/api/v1/stats/").status_code == 200
    one = f"{URL}{new['id']}/"
    seen = owner.pages.get(one).json()
    assert "token" not in seen
    assert seen["last_used_at"] is not None
    assert (seen["valid"], seen["scopes"]) == (True, ["experiences:read"])
    assert owner.pages.delete(one).status_code == owner.pages.delete(one).status_code == 204
    assert api.get("/api/v1/stats/").status_code == 401
    assert owner.pages.get(one).json()["valid"] is False
    assert new["token"] not in owner.pages.get(URL).content.decode()
    assert [entry.action for entry in AuditEntry.objects.filter(action__startswith="token").order_by("pk")][-2:] == [
        "token.create", "token.revoke",
    ]  # fmt: skip


def test_a_token_ends_on_its_day(owner):
    new = owner.pages.post(URL, {"name": "x", "scopes": ["experiences:read"], "days": 1}, **JSON).json()
    ApiToken.objects.filter(pk=new["id"]).update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = bearer(new["token"]).get("/api/v1/stats/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    ended = f"{timezone.now() - timedelta(seconds=1):%Y-%m-%d}"
    assert answer.json()["detail"] == f"the token has expired on {ended}; make a new one"


def test_a_token_that_is_none_says_why(owner, mate):
    revoked = owner.pages.post(URL, {"name": "x", "scopes": ["experiences:read"]}, **JSON).json()
    owner.pages.delete(f"{URL}{revoked['id']}/")
    left, text = create_token(mate.user, "lab", ["experiences:read"], team=owner.team)
    Membership.objects.filter(user=mate.user, team=owner.team).delete()
    assert left.is_valid
    for sent, why in (
        (revoked["token"], f"was revoked on {timezone.now():%Y-%m-%d}"),
        (text, "has left its team"),
        ("tl_" + "x" * 43, "is not known to this hub"),
        ("tl_é", "is not known to this hub"),
    ):
        answer = bearer(sent).get("/api/v1/stats/")
        assert answer.status_code == 401
        assert why in answer.json()["detail"]


def test_ordinary_tokens_make_no_tokens(owner):
    for call in (owner.api.get, lambda address: owner.api.post(address, {"name": "x"}, **JSON)):
        answer = call(URL)
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_an_admins_token_does(make_person):
    admin = make_person("ada", scopes="admin")
    admin.user.is_superuser = True
    admin.user.save()
    made = admin.api.post(URL, {"name": "feed", "scopes": ["federation"]}, **JSON)
    assert made.status_code == 201
    assert admin.api.get(URL).json()["results"][0]["name"] == "feed"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "x", "scopes": ["admin"]}, 422, "scope_refused"),
        ({"name": "x", "scopes": ["federation"]}, 422, "scope_refused"),
        ({"name": "x", "scopes": ["everything"]}, 400, "invalid"),
        ({"name": "x", "scopes": []}, 400, "invalid"),
        ({"name": "", "scopes": ["experiences:read"]}, 400, "invalid"),
        ({"name": "x", "scopes": ["experiences:read"], "days": 0}, 400, "invalid"),
        ({"name": "x", "scopes": ["experiences:read"], "team": "somebody-elses"}, 422, "invalid"),
    ],
)
def test_what_a_token_cannot_be(owner, body, status, code):
    answer = owner.pages.post(URL, body, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not ApiToken.objects.filter(owner=owner.user, name="x").exists()


def test_somebody_elses_token_is_not_there(owner, stranger):
    theirs = ApiToken.objects.filter(owner=owner.user).first()
    assert stranger.pages.get(f"{URL}{theirs.pk}/").status_code == 404
    assert stranger.pages.delete(f"{URL}{theirs.pk}/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_opens_its_own_doors_alone(make_person, record, scope):
    """experiences:write sends, experiences:read reads, searches:write launches; admin does everything."""
    api = make_person("sam", scopes=scope).api
    doors = {
        "experiences:read": [api.get("/api/v1/experiences/"), api.post("/api/v1/neighbours/", {}, **JSON)],
        "experiences:write": [api.post("/api/v1/experiences/", record(), **JSON)],
        "searches:write": [api.post("/api/v1/searches/", {}, **JSON)],
    }
    opened = {name for name, answers in doors.items() if all(one.status_code != 403 for one in answers)}
    assert opened == (set(doors) if scope == "admin" else {scope} & set(doors))


def test_every_scope_has_a_rate(settings):
    """One without would count among those that name no scope."""
    assert set(SCOPES) <= set(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"])


def test_scopes_are_throttled_apart(owner, record, monkeypatch):
    from knowledgebase.core.throttles import UserThrottle

    rates = {"user": None, "experiences:read": "2/min", "experiences:write": "100/min", "admin": None}
    monkeypatch.setattr(UserThrottle, "THROTTLE_RATES", rates)
    reads = [owner.api.get("/api/v1/stats/") for _ in range(3)]
    assert [answer.status_code for answer in reads] == [200, 200, 429]
    assert 0 < int(reads[-1]["Retry-After"]) <= 61
    assert owner.api.post("/api/v1/experiences/", record(), **JSON).status_code == 201
    assert owner.pages.get(URL).status_code == 200
