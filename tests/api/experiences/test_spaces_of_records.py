"""The space that a run's pipeline was drawn from is its own record's word, whoever tried the same pipeline before."""

from __future__ import annotations

from typing import Any

import pytest

from knowledgebase.experiences.models import Experience, Pipeline
from knowledgebase.experiences.services import record_experiences
from knowledgebase.searches.bridge.evidence import evidence_for

pytestmark = pytest.mark.django_db
SECRET = "quagga-secret/7"


@pytest.fixture
def both(owner: Any, stranger: Any, record: Any) -> tuple[str, str, str]:
    """One pipeline: first by a stranger from a space of their own, then twice by the owner's team."""
    made = [record(), record(), record()]
    for one, space in zip(made, (SECRET, "tunelore/1", None), strict=True):
        one["pipeline"]["space"] = space
    assert record_experiences(made[:1], owner=stranger.user, team=stranger.team)[0].status == 201
    for one in made[1:]:
        assert record_experiences([one], owner=owner.user, team=owner.team)[0].status == 201
    assert Pipeline.objects.count() == 1
    return tuple(one["id"] for one in made)


def found(person: Any, query: str) -> Any:
    answer = person.api.get(f"/api/v1/experiences/?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def test_a_filter_finds_a_run_by_its_own_word_alone(owner, stranger, both):
    theirs, named, silent = both
    ids = {
        (who, space): [one["id"] for one in found(person, f"filter=space = '{space}'&fields=id")]
        for who, person in (("owner", owner), ("stranger", stranger))
        for space in (SECRET, "tunelore/1")
    }
    assert ids == {
        ("owner", SECRET): [], ("owner", "tunelore/1"): [named],
        ("stranger", SECRET): [theirs], ("stranger", "tunelore/1"): [],
    }  # fmt: skip
    assert [one["id"] for one in found(owner, "filter=not space = 'tunelore/1'&fields=id")] == [silent]


def test_what_is_shown_downloaded_and_sorted_by_is_the_own_word(owner, both):
    _, named, silent = both
    rows = found(owner, "fields=id,space&order=space")
    assert {one["id"]: one["space"] for one in rows} == {named: "tunelore/1", silent: ""}
    for address in (
        "/experiences/?columns=task,space", "/experiences/?columns=task,space&order=-space",
        f"/experiences/{named}/", f"/experiences/compare/?id={named}&id={silent}",
    ):  # fmt: skip
        assert SECRET not in owner.pages.get(address).content.decode()
    export = owner.api.get("/api/v1/experiences/export/?as=csv&fields=id,space")
    text = b"".join(export.streaming_content).decode()
    assert SECRET not in text
    assert "tunelore/1" in text


def test_evidence_names_the_space_of_its_own_record(owner, both):
    _, named, silent = both
    assert {one.id: one.pipeline.space for one in evidence_for(owner.user)} == {
        named: "tunelore/1",
        silent: None,
    }


def test_a_record_that_replaces_a_guess_brings_its_own_space(owner, record):
    sent = record()
    guess = {
        **{key: part for key, part in sent.items() if key not in ("primary", "metrics", "cost")},
        "outcome": {"status": "killed", "cause": "lost"},
        "pipeline": {**sent["pipeline"], "space": "guessed/1"},
    }
    record_experiences([guess], owner=owner.user, team=owner.team, provisional=True)
    assert Experience.objects.get().space == "guessed/1"
    record_experiences([sent], owner=owner.user, team=owner.team)
    assert Experience.objects.get().space == "tunelore/1"
