"""Names that nobody reads are refused in addresses and bodies, and those that somebody reads are the document's."""

from __future__ import annotations

import json
import re

import pytest
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator
from rest_framework.views import APIView

from knowledgebase.accounts.models import ApiToken
from knowledgebase.core.parameters import accepted
from knowledgebase.experiences.models import Experience

pytestmark = pytest.mark.django_db
JSON = {"content_type": "application/json"}
ID = "019aa0c1-7c00-7b2e-9f3a-5f0d6b1c2e44"


def views(resolver=None, prefix="/"):
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from views(entry, route)
        elif isinstance(view := getattr(entry.callback, "cls", None), type) and issubclass(view, APIView):
            yield route, view


def test_what_is_accepted_is_what_the_document_says():
    document = SchemaGenerator().get_schema(request=None, public=True)
    said = {
        (re.sub("{.*?}", "{}", path), method.upper()): {
            one["name"] for one in operation.get("parameters", []) if one["in"] == "query"
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    taken = {}
    for route, view in views():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if view.__module__.startswith("knowledgebase.") and hasattr(view, method.lower()):
                taken[re.sub("<.*?>", "{}", route), method] = set(accepted(view, method))
    assert len(taken) > 30
    assert said == taken


@pytest.mark.parametrize(
    ("method", "address", "named"),
    [
        ("get", "tasks/?limt=1", ("limt", "cursor, limit")),
        ("get", "stats/?since=2026-01-01", ("since", "takes none")),
        ("get", "experiences/?sort=score", ("sort", "order")),
        ("get", "experiences/export/?format=csv", ("format", "as, ")),
        ("get", "tasks/x/leaderboard/?metrc=f1", ("metrc", "limit, metric, split")),
        ("get", f"experiences/{ID}/publication/?visiblity=team", ("visiblity", "visibility")),
        ("post", "experiences/?visiblity=private", ("visiblity", "visibility")),
        ("delete", f"searches/{ID}/?experience=delete", ("experience", "experiences")),
    ],
)
def test_a_parameter_that_nobody_reads_is_named(owner, record, method, address, named):
    answer = owner.api.generic(method.upper(), f"/api/v1/{address}", json.dumps(record()), **JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")
    assert all(word in answer.json()["detail"] for word in named)
    assert not Experience.objects.exists()


def test_a_parameter_is_given_once(owner):
    answer = owner.api.get("/api/v1/experiences/?status=ok&status=oom")
    assert (answer.status_code, answer.json()["code"]) == (400, "repeated_parameter")
    assert "status is given 2 times and read once" in answer.json()["detail"]


def test_strangers_learn_no_parameters(client):
    assert client.get("/api/v1/tasks/?limt=1").status_code == 401


def test_the_body_of_an_answer_is_asked_for_by_no_name(owner):
    answer = owner.api.get("/api/v1/stats/?format=xml")
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")


@pytest.mark.parametrize(
    ("address", "body", "pointer"),
    [
        ("neighbours", {"metafeatures": {"instances": 4}, "K": 3}, "/K"),
        (
            "neighbours",
            {"statistics": {"class_counts": {"a": 1}, "mean_lenght": 4}},
            "/statistics/mean_lenght",
        ),
        ("priors", {"metafeatures": {"instances": 4}, "walls": 3}, "/walls"),
        ("tokens", {"name": "x", "scopes": ["experiences:read"], "day": 30}, "/day"),
        ("searches", {"dataset": ID, "budget": {"trials": 2}, "limit": {"wall_s": 5}}, "/limit"),
        ("searches", {"dataset": ID, "budget": {"trials": 2, "second": 5}}, "/budget/second"),
        ("searches", {"dataset": ID, "budget": {"trials": 2}, "limits": {"wall": 5}}, "/limits/wall"),
        ("datasets", {"source": "builtin", "name": "x", "columns": ["a"]}, "/columns"),
    ],
)
def test_a_member_that_nobody_reads_is_named(make_person, address, body, pointer):
    person = make_person("ada", scopes="admin")
    answer = person.api.post(f"/api/v1/{address}/", body, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    [wrong] = answer.json()["errors"]
    assert wrong["pointer"] == pointer
    assert "is unknown; known: " in wrong["message"]
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    ("address", "body", "pointer", "said"),
    [
        ("neighbours", {"metafeatures": {"a": 1}, "k": 1000}, "/k", "less than or equal to 100; given is 1000"),
        ("neighbours", {"metafeatures": {"a": "many"}}, "/metafeatures/a", "number is required; given is 'many'"),
        ("neighbours", {"statistics": {"class_counts": {"a": 0}}}, "/statistics/class_counts/a", "given is 0"),
        ("priors", {"metafeatures": {"a": 1}, "utility": "x"}, "/utility", "'x' is none of them; choose from"),
        ("tokens", {"name": "x", "scopes": ["all"]}, "/scopes/0", "'all' is none of them; choose from experiences:"),
        ("tokens", {"name": "x" * 101, "scopes": ["admin"]}, "/name", "no more than 100 characters; given is 'xxx"),
        ("tokens", {"scopes": ["admin"]}, "/name", "required."),
        ("searches", {"dataset": 5, "budget": {"trials": "few"}}, "/budget/trials", "given is 'few'"),
        ("datasets", {"source": "disk", "name": "x"}, "/source", "'disk' is none of them; choose from builtin, hub"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_said(make_person, address, body, pointer, said):
    answer = make_person("ada", scopes="admin").api.post(f"/api/v1/{address}/", body, **JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    told = {one["pointer"]: one["message"] for one in answer.json()["errors"]}
    assert said in told[pointer]


@pytest.mark.parametrize("address", ["experiences", "runs", "tokens", "searches", "datasets"])
def test_options_describe_no_body_by_an_answer(make_person, address):
    answer = make_person("ada", scopes="admin").api.options(f"/api/v1/{address}/")
    assert answer.status_code == 200
    assert set(answer.json()) == {"name", "description", "renders", "parses"}


def test_who_says_nothing_is_nobody(client):
    assert client.get("/api/v1/about/").json()["user"] is None


@pytest.mark.parametrize("body", ["null", "[]", '"text"', "7"])
def test_a_body_that_is_no_object_is_refused_as_such(owner, body):
    answer = owner.api.post("/api/v1/neighbours/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["detail"]
