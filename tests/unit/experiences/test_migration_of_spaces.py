"""From one space for all who tried a pipeline to each record's own word, and back."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = [("experiences", "0013_boards_index")]


def migrated(target):
    executor = MigrationExecutor(connection)
    executor.migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps


def newest():
    return MigrationExecutor(connection).loader.graph.leaf_nodes("experiences")


def test_each_row_takes_the_word_of_its_own_record_there_and_back(owner, record):
    spaces = ["first/1", None, "x" * 100, "", "second/2"]
    made = []
    for space in spaces:
        one = record()
        one["pipeline"]["space"] = space
        made.append(one)
    silent = record()
    del silent["pipeline"]["space"]
    results = record_experiences([*made, silent], owner=owner.user, team=owner.team)
    assert {one.status for one in results} == {201}
    try:
        old = migrated(BEFORE)
        assert [one.space for one in old.get_model("experiences", "Pipeline").objects.all()] == ["first/1"]
    finally:
        migrated(newest())
    found = {str(row.pk): row.space for row in Experience.objects.all()}
    assert found == {
        **{one["id"]: space or "" for one, space in zip(made, spaces, strict=True)},
        silent["id"]: "",
    }
