"""Requests that nobody sends by mistake: each is answered with a reason, none breaks the hub."""

from __future__ import annotations

import base64

import pytest
from django.test import Client
from django.urls import get_resolver
from rest_framework.views import APIView

from knowledgebase.web.api import About

pytestmark = pytest.mark.django_db
URL = "/api/v1/experiences/"


def cursor(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    ["p=abc", "p=1e99", "p=" + "9" * 40, "p=%00", "o=-1", "r=1&p=x", "p=%F0%9F%92%A9", "o=99999999999"],
)
@pytest.mark.parametrize("address", [URL, "/api/v1/runs/", "/api/v1/tasks/"])
def test_made_up_cursors_are_refused_or_lead_nowhere(owner, record, address, text):
    owner.api.post(URL, record(), content_type="application/json")
    answer = owner.api.get(address, {"cursor": cursor(text)})
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert answer.json()["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    ("order", "place"),
    [
        ("score", f"[{10**32},5]"),
        ("score", "[Infinity,5]"),
        ("method", '["\\ud800",5]'),
        ("method", '["\\u0000",5]'),
        ("started", '[{"time":"0001-01-01T00:00:00+23:59"},5]'),
    ],
)
def test_made_up_places_in_an_order_are_refused(owner, record, order, place):
    owner.api.post(URL, record(), content_type="application/json")
    answer = owner.api.get(URL, {"order": order, "cursor": cursor(place)})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


def test_a_cursor_that_is_no_base64_is_refused(owner):
    answer = owner.api.get(URL, {"cursor": "abc"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("limit", ["0", "-1", "201", "ten", "1.5", "²", "9" * 5000])
def test_limits_have_bounds(owner, limit):
    answer = owner.api.get(URL, {"limit": limit})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_limit")


@pytest.mark.parametrize(
    "address",
    [
        f"{URL}?task=%00",
        f"{URL}?q=a%00b",
        "/api/v1/tasks/sha256:%00/",
        "/api/v1/language-models/?cursor=%00",
        "/experiences/?q=%00",
        "/accounts/login/%00/",
    ],
)
def test_nul_is_in_no_address(owner, address):
    for client in (owner.api, owner.pages):
        assert client.get(address).status_code == 400


def test_an_address_without_its_slash_says_so(owner, record):
    answer = owner.api.post("/api/v1/experiences", record(), content_type="application/json")
    assert answer.status_code == 404
    assert "/api/v1/experiences/" in answer.json()["detail"]


@pytest.mark.parametrize("address", [URL, "/", "/nothing/"])
def test_another_host_name_is_refused(owner, address):
    client = Client(headers={"host": "evil.example"}, raise_request_exception=False)
    answer = client.get(address)
    assert answer.status_code == 400
    if address == URL:
        assert answer.json()["code"] == "bad_request"


def test_a_session_needs_the_csrf_token_and_a_bearer_token_does_not(owner, record):
    pages = Client(enforce_csrf_checks=True)
    pages.force_login(owner.user)
    refused = pages.post(URL, record(), content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert pages.get(URL).status_code == 200
    assert owner.api.post(URL, record(), content_type="application/json").status_code == 201


def test_a_token_in_a_cookie_or_query_is_no_token(owner):
    _, token = owner, owner.token
    client = Client()
    client.cookies["Authorization"] = f"Bearer {token}"
    assert client.get(URL, {"token": token, "access_token": token}).status_code == 401


def test_the_body_may_be_at_most_so_large(owner, settings):
    settings.MAX_BODY_BYTES = 1000
    answer = owner.api.post(URL, " " * 2000, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "1,000" in answer.json()["detail"]


def api_views(resolver=None):
    for entry in (resolver or get_resolver()).url_patterns:
        if hasattr(entry, "url_patterns"):
            yield from api_views(entry)
        elif isinstance(view := getattr(entry.callback, "cls", None), type) and issubclass(view, APIView):
            yield view


def test_every_api_view_says_which_scope_each_of_its_methods_needs():
    views = {view for view in api_views() if view.__module__.startswith("knowledgebase.")} - {About}
    assert len(views) >= 10
    for view in views:
        methods = {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)}
        assert methods <= set(view.scopes), view


def test_every_scope_opens_only_what_it_names(make_person, record):
    nobody = make_person("nobody", scopes="federation")
    for method, address in (
        ("get", URL),
        ("post", URL),
        ("get", "/api/v1/stats/"),
        ("post", "/api/v1/runs/"),
    ):
        answer = getattr(nobody.api, method)(address, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope"), address


def test_answers_carry_the_policy(owner):
    for client, address in ((owner.api, URL), (owner.pages, "/"), (Client(), "/nothing/")):
        policy = client.get(address).headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
