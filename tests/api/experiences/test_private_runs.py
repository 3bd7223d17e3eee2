"""A run in progress is shown to whom its visibility allows, and to nobody more once it has ended."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import tunelore
from django.db import IntegrityError, transaction
from django.utils import timezone
from tunelore import exits, trouble
from tunelore.cli import main

from knowledgebase.experiences.models import Experience, Run
from knowledgebase.experiences.services import expire_silent_runs

RUNS = "/api/v1/runs/"
NOT_YET = ("outcome", "metrics", "primary", "cost")


def announce(person, sent, query=""):
    told = {name: part for name, part in sent.items() if name not in NOT_YET}
    return person.api.post(RUNS + query, told, content_type="application/json")


def seen(*people):
    """Who is told of the run: by the API, and by the overview."""
    listed = [len(who.api.get(RUNS).json()["results"]) for who in people]
    pages = ["weather" in who.pages.get("/").content.decode() for who in people]
    assert [bool(one) for one in listed] == pages
    return listed


def test_a_private_run_is_shown_to_its_owner_alone(owner, mate, stranger, record):
    assert announce(owner, record(), "?visibility=private").status_code == 201
    assert seen(owner, mate, stranger) == [1, 0, 0]
    assert owner.api.get(RUNS).json()["results"][0]["visibility"] == "private"


def test_a_run_of_which_nothing_is_said_is_the_teams(owner, mate, stranger, record):
    announce(owner, record())
    assert seen(owner, mate, stranger) == [1, 1, 0]
    assert Run.objects.get().visibility == "team"


def test_of_what_heartbeats_say_the_narrower_holds(owner, mate, record):
    sent = record()
    said = [
        announce(owner, sent, query).status_code
        for query in ("", "?visibility=private", "", "?visibility=team")
    ]
    assert said == [201, 200, 200, 200]
    assert seen(owner, mate) == [1, 0]


@pytest.mark.parametrize("wanted", ["hub", "public"])
def test_a_run_is_not_published_by_announcing_it(owner, stranger, record, wanted):
    refused = announce(owner, record(), f"?visibility={wanted}")
    assert (refused.status_code, refused.json()["code"]) == (422, "publishing_is_explicit")
    assert announce(owner, record(), "?visibility=everybody").status_code == 422
    assert seen(stranger) == [0]


def test_the_hubs_guess_about_a_silent_private_run_is_private(owner, mate, record):
    sent = record()
    announce(owner, sent, "?visibility=private")
    Run.objects.update(last_seen_at=timezone.now() - timedelta(days=1))
    assert expire_silent_runs() == 1
    guess = Experience.objects.get()
    assert (guess.provisional, guess.visibility) == (True, "private")
    assert [len(who.api.get("/api/v1/experiences/").json()["results"]) for who in (owner, mate)] == [1, 0]
    owner.api.post("/api/v1/experiences/", sent, content_type="application/json")
    assert Experience.objects.values_list("provisional", "visibility").get() == (False, "private")


def test_what_a_private_run_ends_as_stays_private_also_for_a_client_that_says_nothing(owner, mate, record):
    sent, other = record(), record()
    announce(owner, sent, "?visibility=private")
    answer = owner.api.post("/api/v1/experiences/", [sent, other], content_type="application/json")
    assert [one["status"] for one in answer.json()["results"]] == [201, 201]
    seen_by_mate = mate.api.get("/api/v1/experiences/").json()["results"]
    assert [one["record"]["id"] for one in seen_by_mate] == [other["id"]]
    assert Experience.objects.get(pk=sent["id"]).visibility == "private"


def test_the_database_knows_the_visibilities(owner, record):
    announce(owner, record())
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.update(visibility="everybody")


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "the hub did not hear of it"
        time.sleep(0.02)


@pytest.fixture
def spool(tmp_path, monkeypatch):
    for name in ("TUNELORE_URL", "TUNELORE_TOKEN", "TUNELORE_MODE", "RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TUNELORE_VISIBILITY", "private")
    trouble.counts.clear()
    yield tmp_path / "spool"
    exits.close_all(5.0)


@pytest.mark.django_db(transaction=True)
def test_the_client_says_at_once_that_a_run_is_private(live_server, owner, mate, spool):
    run = tunelore.run("weather", "hub:a/b", "full", url=live_server.url, token=owner.token, spool=spool)
    until(Run.objects.exists)
    assert seen(owner, mate) == [1, 0]
    run.finish({"f1_macro": 0.5})
    until(Experience.objects.exists)
    assert Experience.objects.get().visibility == "private"
    assert trouble.counts == {}


@pytest.mark.django_db(transaction=True)
def test_a_private_run_that_waits_is_sent_as_private_by_whoever_sends_it(
    live_server, owner, spool, monkeypatch
):
    tunelore.run("weather", "hub:a/b", "full", spool=spool).finish({"f1_macro": 0.5})
    exits.close_all(5.0)
    monkeypatch.delenv("TUNELORE_VISIBILITY")
    tunelore.run("rain", "hub:a/b", "full", spool=spool).finish({"f1_macro": 0.5})
    exits.close_all(5.0)
    assert main(["sync", "--spool", str(spool), "--url", live_server.url, "--token", owner.token]) == 0
    found = Experience.objects.values_list("task_description__name", "visibility")
    assert dict(found) == {"weather": "private", "rain": "team"}


def test_a_visibility_that_is_none_is_taken_as_private(monkeypatch):
    monkeypatch.setenv("TUNELORE_VISIBILITY", "public")
    trouble.counts.clear()
    assert tunelore.settings.read_settings().visibility == "private"
    assert trouble.counts == {"settings": 1}
    trouble.counts.clear()
