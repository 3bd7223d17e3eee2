"""The find box: by part of a name, a method, an id, or the letters of one that are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from knowledgebase.core.database import Tail
from knowledgebase.experiences import selectors
from knowledgebase.experiences.filters import ExperienceFilters
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences
from tests.cast import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(owner: Person, record: Callable[..., dict[str, Any]]) -> list[str]:
    """The ids of a full training on "harbour notices" and of a linear model, without language model, on "recipes"."""
    made = [record(), record(language_model=None, pipeline={"method": "linear", "hyperparameters": {}})]
    made[0]["task"]["name"], made[1]["task"]["name"] = "harbour notices", "recipes"
    made[0]["language_model"]["name"] = "example/little-encoder"
    made[1]["task"]["dataset"]["fingerprint"] = f"rows-sha256:{1:064x}"
    results = record_experiences(made, owner=owner.user, team=owner.team)
    assert [result.status for result in results] == [201, 201]
    return [one["id"] for one in made]


def found(person: Person, text: str) -> list[str]:
    rows = selectors.experience_list(person.user, ExperienceFilters(q=text))
    return sorted(str(row.pk) for row in rows)


@pytest.mark.parametrize("text", ["harbour", "BOUR NOT", "little-enc", "full"])
def test_by_a_name_or_a_method(owner: Person, two: list[str], text: str) -> None:
    assert found(owner, text) == [two[0]]


@pytest.mark.parametrize("written", [str, str.upper, lambda pk: pk.replace("-", ""), lambda pk: pk[-8:]])
def test_by_an_id_as_it_is_written_or_shown(
    owner: Person, stranger: Person, two: list[str], written: Callable[[str], str]
) -> None:
    for pk in two:
        assert found(owner, written(pk)) == [pk]
        assert found(owner, written(pk).upper()) == [pk]
        assert found(stranger, written(pk)) == []


def test_by_what_a_record_calls_its_task_and_not_by_what_others_call_the_same(
    owner: Person, two: list[str], record: Callable[..., dict[str, Any]]
) -> None:
    again = record()
    again["task"]["name"] = "harbour notices"
    record_experiences([again], owner=owner.user, team=owner.team)
    assert found(owner, "harbour") == sorted([two[0], again["id"]]), "everybody says so"
    other = record()
    other["task"]["name"] = "port news"
    record_experiences([other], owner=owner.user, team=owner.team)
    assert found(owner, "harbour") == sorted([two[0], again["id"]]), "one says otherwise"
    assert found(owner, "port") == [other["id"]]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    "text", ["00000000", "00000000-0000-7000-8000-000000000000", "0000000", "nothing so named"]
)
def test_nothing_by_what_nobody_has(owner: Person, text: str) -> None:
    assert found(owner, text) == []


def test_what_many_share_is_still_found(
    owner: Person, two: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledgebase.experiences.expressions.nouns.keys.__defaults__", (0,))
    assert found(owner, two[0][-8:]) == [two[0]]


def test_the_shown_letters_are_looked_up_in_an_index(two: list[str]) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # of two rows it would read both
    rows = Experience.objects.alias(tail=Tail("pk")).filter(tail=two[0][-8:]).order_by()
    assert "experience_tail" in rows.explain()
    assert [str(row.pk) for row in rows] == [two[0]]


@pytest.mark.parametrize("shown", [False, True])
def test_a_known_id_alone_is_asked_for(owner: Person, two: list[str], shown: bool) -> None:
    """Beside a method that nobody has, SQLite would go through the whole store, newest first."""
    text = two[0][-8:] if shown else two[0]
    rows = selectors.experience_list(owner.user, ExperienceFilters(q=text))
    assert '"method" =' not in str(rows.query)
    if connection.vendor == "sqlite":
        assert "scan" not in rows.explain().lower()


def test_a_method_that_reads_like_an_id_is_found_beside_it(
    owner: Person, record: Any, two: list[str]
) -> None:
    alike = record(language_model=None, pipeline={"method": two[0][-8:], "hyperparameters": {}})
    [result] = record_experiences([alike], owner=owner.user, team=owner.team)
    assert result.status == 201
    assert found(owner, two[0][-8:]) == sorted([two[0], alike["id"]])
