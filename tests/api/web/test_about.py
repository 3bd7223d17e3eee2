"""/api/v1/about/: what a client asks before it sends."""

from __future__ import annotations

import pytest
from django.test import Client

from knowledgebase.accounts.services import create_token

pytestmark = pytest.mark.django_db
URL = "/api/v1/about/"


def test_a_token_learns_what_it_is_worth(owner):
    answer = owner.api.get(URL).json()
    assert answer["records"] == ["tunelore.experience/1"]
    assert answer["user"] == owner.user.username
    assert "experiences:write" in answer["scopes"]
    _, text = create_token(owner.user, "narrow", ["experiences:read"])
    narrow = Client().get(URL, headers={"Authorization": f"Bearer {text}"}).json()
    assert narrow["scopes"] == ["experiences:read"]


def test_a_visitor_learns_only_which_records_are_taken(client):
    answer = client.get(URL)
    assert answer.status_code == 200
    assert (answer.json()["user"], answer.json()["team"], answer.json()["scopes"]) == (None, None, None)


def test_a_token_that_is_none_is_told_so(client):
    answer = client.get(URL, headers={"Authorization": "Bearer tl_nonsense"})
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


def test_a_person_with_a_session_has_no_scopes(owner):
    assert owner.pages.get(URL).json()["scopes"] is None
