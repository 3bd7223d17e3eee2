"""Errors have one shape everywhere below /api/."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

pytestmark = pytest.mark.django_db
ID = "019aa0c1-7c00-7b2e-9f3a-5f0d6b1c2e44"


def addresses(resolver=None, prefix="/"):
    """Every address of the hub, with made-up parameters."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from addresses(entry, route)
        else:
            for mark, value in (("<uuid:", ID), ("<str:", "x"), ("<int:", "1"), ("<slug:", "x")):
                while mark in route:
                    head, _, rest = route.partition(mark)
                    route = head + value + rest.partition(">")[2]
            yield route


def test_every_api_error_is_a_problem_document(client, owner):
    for address in addresses():
        if not address.startswith("/api/") or address == "/api/v1/about/":  # which answers everybody
            continue
        for answer in (client.get(address), owner.api.put(address, "{", content_type="application/json")):
            assert answer["Content-Type"] == "application/problem+json", address
            assert {"type", "title", "status", "code", "detail"} <= set(answer.json()), address
            assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (lambda api: api.get("/api/v1/nothing/"), 404, "not_found"),
        (lambda api: api.get("/api/nothing"), 404, "not_found"),
        (
            lambda api: api.post("/api/v1/experiences/", "a=1", content_type="text/plain"),
            415,
            "unsupported_media_type",
        ),
        (lambda api: api.put("/api/v1/stats/"), 405, "method_not_allowed"),
        (lambda api: api.get(f"/api/v1/experiences/{ID}/"), 404, "not_found"),
    ],
)
def test_standard_problems(owner, call, status, code):
    answer = call(owner.api)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("call", "status", "said"),
    [
        (
            lambda api: api.post("/api/v1/experiences/", "a=1", content_type="text/plain"),
            415,
            "Content-Type 'text/plain' is not read here; send application/json, application/x-ndjson",
        ),
        (lambda api: api.put("/api/v1/stats/"), 405, "PUT is not answered here; use one of GET, HEAD, OPTIONS"),
        (
            lambda api: api.get("/api/v1/stats/", headers={"accept": "application/xml"}),
            406,
            "Accept: application/xml is not to be had here; ask for application/json",
        ),
        (lambda api: Client().get("/api/v1/stats/"), 401, "Authorization: Bearer <token>"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_of_the_request(owner, call, status, said):
    answer = call(owner.api)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_a_bug_is_a_problem_too(owner, monkeypatch):
    from knowledgebase.experiences import selectors

    def broken(*_args):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(selectors, "statistics", broken)
    owner.api.raise_request_exception = False
    answer = owner.api.get("/api/v1/stats/")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.content.decode()


def test_wrong_tokens_are_401_with_a_hint(client):
    answer = client.get("/api/v1/stats/", headers={"authorization": "Bearer tl_wrong"})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_throttled_requests_say_when_to_come_back(owner, monkeypatch):
    from knowledgebase.core.throttles import UserThrottle

    monkeypatch.setattr(UserThrottle, "rate", "2/min", raising=False)
    answers = [owner.api.get("/api/v1/stats/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    said = "2 requests (experiences:read) in 60 s is as many as this hub takes of one person. Expected available in"
    assert answers[-1].json()["detail"].startswith(said)


def test_the_openapi_document_describes_every_address(owner):
    answer = owner.api.get("/api/v1/schema/?format=json")
    assert answer.status_code == 200
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    described = set(document["paths"])
    for address in addresses():
        if address.startswith("/api/") and not address.endswith("schema/"):
            parts = address.replace(ID, "{}").replace("/x/", "/{}/").split("/")
            assert any(len(path.split("/")) == len(parts) for path in described), address
