"""Sums are kept for one asker until the store or their teams change; those that took long for a while longer."""

from __future__ import annotations

from uuid import UUID

import pytest

from knowledgebase.accounts.services import add_member, create_user, remove_member
from knowledgebase.experiences import selectors
from knowledgebase.experiences.models import Experience, Task
from knowledgebase.experiences.selectors import keeping
from knowledgebase.experiences.services import (
    delete_experience,
    narrow_experience,
    publication_of,
    publish_experience,
    record_experiences,
)

pytestmark = pytest.mark.django_db


def seen(person):
    """What the kept sums say to a person: experiences, tasks with their counts, experiences by day."""
    tasks = {task.name: task.count for task in selectors.task_summaries(person.user)}
    days = selectors.growth(person.user)[1]
    return selectors.statistics(person.user).experiences, tasks, sum(ok for _, ok, _, _ in days)


def test_sums_follow_each_change_of_the_store_and_of_the_teams(owner, mate, stranger, record):
    first, second = record(), record()
    record_experiences([first], owner=owner.user, team=owner.team)
    assert seen(mate) == (1, {"weather": 1}, 1)
    record_experiences([second], owner=owner.user, team=owner.team)
    assert seen(mate) == (2, {"weather": 2}, 2)
    assert seen(stranger) == (0, {}, 0)
    pk = UUID(first["id"])
    publish_experience(pk, "hub", shown=publication_of(pk, "hub", actor=owner.user).shown, actor=owner.user)
    assert seen(stranger) == (1, {"weather": 1}, 1)
    delete_experience(UUID(second["id"]), actor=owner.user)
    assert seen(mate) == (1, {"weather": 1}, 1)
    narrow_experience(pk, "team", actor=owner.user)
    assert seen(stranger) == (0, {}, 0)
    add_member(owner.team, stranger.user, actor=create_user("root", is_superuser=True))
    assert seen(stranger) == (1, {"weather": 1}, 1)
    remove_member(owner.team, mate.user, actor=mate.user)
    assert seen(mate) == (0, {}, 0)


def test_without_a_change_only_the_state_is_asked_for(owner, record, django_assert_num_queries):
    record_experiences([record()], owner=owner.user, team=owner.team)
    before = seen(owner)
    with django_assert_num_queries(5):  # one for each of the five that are kept, outside of a request
        assert seen(owner) == before


@pytest.fixture
def large(monkeypatch):
    """A store of any size is a large one; what stands in it does not stand for other tests."""
    monkeypatch.setattr(keeping, "LARGE", 0)
    monkeypatch.setattr(keeping, "_kept", {})


@pytest.mark.usefixtures("large")
def test_sums_that_took_long_stand_for_a_while_and_names_do_not(owner, mate, record, monkeypatch):
    monkeypatch.setattr(keeping, "SLOW_S", -1.0)  # every sum took long
    monkeypatch.setattr(keeping, "REST", 1e6)
    first, second = record(), record()
    second["task"]["name"] = "harbour"
    second["task"]["dataset"] = {"name": "harbour"}
    record_experiences([first], owner=owner.user, team=owner.team)
    assert seen(mate) == (1, {"weather": 1}, 1)
    record_experiences([second], owner=owner.user, team=owner.team)
    assert seen(mate) == (1, {"weather": 1, "harbour": 1}, 1), "what is new is counted by itself"
    delete_experience(UUID(first["id"]), actor=owner.user)
    assert set(seen(mate)[1]) == {"harbour"}
    remove_member(owner.team, mate.user, actor=mate.user)
    assert seen(mate) == (0, {}, 0), "what somebody may see is never of a while ago"


@pytest.mark.usefixtures("large")
def test_all_that_is_newer_than_what_stands_is_counted_at_once(
    owner, record, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(keeping, "SLOW_S", -1.0)
    monkeypatch.setattr(keeping, "REST", 1e6)
    record_experiences([record()], owner=owner.user, team=owner.team)
    assert seen(owner)[1] == {"weather": 1}
    for place in ("harbour", "wharf", "quay"):
        one = record()
        one["task"]["name"] = place
        one["task"]["dataset"]["fingerprint"] = f"rows-sha256:{len(place):064x}"
        record_experiences([one, {**one, "id": record()["id"]}], owner=owner.user, team=owner.team)
    rows = list(Task.objects.all())
    with django_assert_num_queries(3):  # the state, the asker's teams, and the three new tasks together
        selectors.with_sums(owner.user, "task", rows)
    assert sorted(row.count for row in rows) == [1, 2, 2, 2]


@pytest.mark.usefixtures("large")
def test_how_long_they_stand(owner, record, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(keeping.time, "monotonic", lambda: clock[0])

    def asked():
        def look_up():
            clock[0] += 1.0
            return Experience.objects.count()

        return keeping.kept_sums(owner.user, "a test's", look_up)

    record_experiences([record()], owner=owner.user, team=owner.team)
    assert asked() == 1
    record_experiences([record()], owner=owner.user, team=owner.team)
    clock[0] += keeping.REST - 1
    assert asked() == 1
    clock[0] += 2
    assert asked() == 2


@pytest.mark.usefixtures("large")
def test_a_sum_of_a_moment_is_made_again_at_once(owner, record):
    counts = []
    for _ in range(3):
        record_experiences([record()], owner=owner.user, team=owner.team)
        counts.append(keeping.kept_sums(owner.user, "a test's", Experience.objects.count))
    assert counts == [1, 2, 3]


def test_in_a_small_store_nothing_stands(owner, record, monkeypatch):
    monkeypatch.setattr(keeping, "SLOW_S", -1.0)
    counts = []
    for _ in range(3):
        record_experiences([record()], owner=owner.user, team=owner.team)
        counts.append(keeping.kept_sums(owner.user, "a test's", Experience.objects.count))
    assert counts == [1, 2, 3]
