"""Every address of the hub x every kind of visitor: nobody meets another team's objects, by name or by number.

Addresses are read from the URL configuration; one with a parameter that is not listed in `objects` fails the test,
so a new page cannot be forgotten.
"""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

from knowledgebase.accounts import services as accounts
from knowledgebase.experiences.models import Experience, LanguageModel, Task
from knowledgebase.experiences.services import note_run, record_experiences
from knowledgebase.searches.models import Dataset, Search, Trial

pytestmark = pytest.mark.django_db
SECRET = "quagga"  # stands in every name that only the team may see
OPEN = {
    "accounts/sign-in/",
    "accounts/login/<str:secret>/",
    "accounts/invitations/<str:secret>/",
    "health/live",
    "health/ready",
    "metrics",
    "api/v1/schema/",
}
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


def routes(resolver=None, prefix=""):
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        else:
            yield route


@pytest.fixture
def objects(owner, record):
    """One of everything, private to the owner's team, by the name of the parameter that leads to it."""
    lab = accounts.create_team("lab seven", owner=owner.user)
    lab.name = f"{SECRET} lab"
    lab.save()
    made = record(
        task={
            "kind": "text-classification", "name": f"{SECRET}-task",
            "dataset": {"source": "file", "name": SECRET, "label_column": "l"},
        },
        language_model={"source": "path", "name": f"{SECRET}-model", "revision": "1"},
    )  # fmt: skip
    [result] = record_experiences([made], owner=owner.user, team=lab)
    assert result.problem is None
    running = {
        key: part for key, part in record().items() if key not in ("outcome", "metrics", "primary", "cost")
    }
    note_run({**running, "task": made["task"]}, owner=owner.user, team=lab)
    dataset = Dataset.objects.create(
        owner=owner.user,
        team=lab,
        source="upload",
        name=f"{SECRET}.csv",
        state="ready",
        fingerprint="rows-sha256:" + "1" * 64,
    )
    search = Search.objects.create(
        owner=owner.user, team=lab, dataset=dataset, title=f"{SECRET} search", objectives=["score"],
        budget_trials=2, state="running", slots=1, wall_s=60,
    )  # fmt: skip
    trial = Trial.objects.create(search=search, number=1, method="linear", state="queued")
    accounts.create_token(owner.user, f"{SECRET} token", ["experiences:read"], team=lab)
    return {
        "experience_id": made["id"],
        "digest": Task.objects.get().digest,
        "pk": LanguageModel.objects.get().pk,
        "dataset_id": dataset.pk,
        "search_id": search.pk,
        "trial_id": trial.pk,
        "slug": lab.slug,
        "secret": "x" * 43,  # of a link: who holds one is let in, which is another test's subject
    }


def filled(route, objects):
    missing = [name for name in PARAMETER.findall(route) if name not in objects]
    assert not missing, f"{route}: say in `objects` what {missing[0]} leads to"
    return "/" + PARAMETER.sub(lambda match: str(objects[match[1]]), route)


def told(answer):
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return SECRET.encode() in body or any(SECRET in str(value) for value in answer.headers.values())


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_nobody_meets_another_teams_objects(method, objects, stranger, make_person):
    narrow = make_person("nora", scopes="experiences:write")
    visitors = {
        "anonymous": Client(),
        "stranger": stranger.pages,
        "stranger's token": stranger.api,
        "narrow": narrow.api,
    }
    found = {}
    for route in set(routes()) - {"theme/"}:
        address = filled(route, objects)
        for who, visitor in visitors.items():
            answer = getattr(visitor, method)(address)
            fine = answer.status_code in (200, 201, 204, 302, 400, 401, 403, 404, 405, 410, 415, 422)
            opened = answer.status_code < 300 and PARAMETER.search(route) and route not in OPEN
            if opened or not fine or told(answer):
                found[f"{method} {address} as {who}"] = answer.status_code
    assert found == {}
    assert Experience.objects.count() == 1
    assert Search.objects.get().state == "running"


def test_anonymous_visitors_are_sent_to_sign_in(objects, client):
    reached = {}
    for route in set(routes()) - OPEN:
        status = client.get(filled(route, objects)).status_code
        if status not in (302, 401, 403, 405):
            reached[route] = status
    assert reached == {}


def test_members_do_meet_them(objects, owner):
    """The other half: the marks are really there to be found."""
    for address in (
        "/experiences/",
        "/experiences/tasks/",
        "/experiences/language-models/",
        "/searches/",
        "/accounts/",
    ):
        assert told(owner.pages.get(address)), address
    for name, prefix in (
        ("experience_id", "experiences"),
        ("search_id", "searches"),
        ("slug", "accounts/teams"),
    ):
        assert told(owner.pages.get(f"/{prefix}/{objects[name]}/"))
