"""Sums are kept for one asker until the store or their teams change, and not a moment longer."""

from __future__ import annotations

from uuid import UUID

import pytest

from knowledgebase.accounts.services import add_member, create_user, remove_member
from knowledgebase.experiences import selectors
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
    with django_assert_num_queries(3):  # one for each of the three sums, outside of a request
        assert seen(owner) == before
