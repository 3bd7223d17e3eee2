"""From one row of words for everybody to words for each audience, and back: no record's words go to others."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from knowledgebase.experiences import selectors
from knowledgebase.experiences.models import (
    ChangeCounter,
    Experience,
    LanguageModelDescription,
    TaskDescription,
)
from knowledgebase.experiences.services import delete_experience, record_experiences
from knowledgebase.experiences.services.references import identify
from knowledgebase.searches.models import Dataset, Search

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = [("experiences", "0008_tail_of_ids")]


def migrated(target):
    executor = MigrationExecutor(connection)
    executor.migrate(target)
    return MigrationExecutor(connection).loader.project_state(target).apps


@pytest.fixture
def old():
    """The models as they were; whatever a test does, the database is the newest again afterwards."""
    try:
        yield migrated(BEFORE)
    finally:
        migrated(MigrationExecutor(connection).loader.graph.leaf_nodes("experiences"))


def row_of(apps, record, number, **extra):
    """A stored record as the migration before found it, on shared rows with the first one's words."""
    task, _ = apps.get_model("experiences", "Task").objects.get_or_create(
        digest=identify(record, "hub").task.digest,
        defaults={
            "kind": record["task"]["kind"], "name": "first", "domain": "first", "label_column": "label",
            "metafeatures": {"extractor": "x", "version": 999, "values": {"instances": 1}},
        },
    )  # fmt: skip
    model, _ = apps.get_model("experiences", "LanguageModel").objects.get_or_create(
        key="path:same",
        defaults={
            "source": "path", "name": "same", "parameters": 7, "architecture": "first",
            "features": {"parameters": 7, "architecture": "first", "layers": 12},
            "feature_sources": {"parameters": "record", "architecture": "record", "layers": "catalogue: a"},
        },
    )  # fmt: skip
    pipeline, _ = apps.get_model("experiences", "Pipeline").objects.get_or_create(
        digest="p", defaults={"method": "full", "language_model": model}
    )
    experience = apps.get_model("experiences", "Experience")
    return experience.objects.create(
        id=record["id"], digest="d", content=str(number), task=task, pipeline=pipeline, language_model=model,
        method="full", status="ok", via="test", record=record, change_seq=number, received_at=timezone.now(),
        **extra,
    )  # fmt: skip


def said(record, name, **features):
    made = record(language_model={"source": "path", "name": "same", "features": features})
    made["task"] |= {"name": name, "domain": f"{name}'s"}
    made["task"]["metafeatures"]["values"] = {"instances": float(len(name))}
    return made


@pytest.fixture
def people(owner, stranger):
    return owner, stranger


def test_each_record_gives_its_own_words_to_its_own_audience(people, old, record):
    owner, stranger = people
    of_owner = {"owner_id": owner.user.pk, "team_id": owner.team.pk}
    of_stranger = {"owner_id": stranger.user.pk, "team_id": stranger.team.pk}
    rows = [
        (said(record, "team", layers=3), {**of_owner, "visibility": "team"}),
        (said(record, "own"), {**of_owner, "visibility": "private"}),
        (said(record, "theirs", parameters=5), {**of_stranger, "visibility": "team"}),
        (said(record, "everybody's"), {**of_stranger, "visibility": "public"}),
        (said(record, "nobody's"), {"visibility": "private"}),
        (said(record, "a former team's"), {"owner_id": owner.user.pk, "visibility": "team"}),
    ]
    for number, (made, extra) in enumerate(rows, start=1):
        row_of(old, made, number, **extra)
    ChangeCounter.objects.update_or_create(pk=1, defaults={"last": len(rows)})
    migrated(MigrationExecutor(connection).loader.graph.leaf_nodes("experiences"))

    audiences = {row.name: row.audience for row in TaskDescription.objects.all()}
    assert audiences == {
        "team": f"team:{owner.team.pk}", "own": f"user:{owner.user.pk}", "theirs": f"team:{stranger.team.pk}",
        "everybody's": "hub", "nobody's": "user:", "a former team's": f"user:{owner.user.pk}",
    }  # fmt: skip
    for row in Experience.objects.select_related("task_description", "language_model_description"):
        made = identify(row.record, row.audience)
        assert row.task_description.digest == made.task_description
        assert row.language_model_description.digest == made.language_model_description
        assert row.task_description.metafeatures == row.record["task"]["metafeatures"]
    models = {row.audience: row.features for row in LanguageModelDescription.objects.all()}
    assert models[f"team:{owner.team.pk}"] == {"layers": 3}
    assert models[f"team:{stranger.team.pk}"] == {"parameters": 5, "layers": 12}
    assert models["hub"] == {"layers": 12}

    [task] = selectors.task_summaries(stranger.user)
    assert (task.name, task.domain) == ("theirs", "theirs's")
    # What comes after says it in the same words and finds the row; what is deleted takes its own along.
    again = {**rows[2][0], "id": record()["id"]}
    record_experiences([again], owner=stranger.user, team=stranger.team)
    assert TaskDescription.objects.count() == 6
    delete_experience(Experience.objects.get(task_description__name="team").pk, actor=owner.user)
    assert not TaskDescription.objects.filter(name="team").exists()


def test_kept_priors_lose_the_names_of_tasks(people):
    owner, _ = people
    clean = [("searches", "0007_objectives_of_trials")]
    near = {"task": "sha256:1", "distance": 0.5, "parts": {}}
    dataset = Dataset.objects.create(owner=owner.user, team=owner.team, source="builtin", name="d")
    search = Search.objects.create(
        owner=owner.user, team=owner.team, dataset=dataset, title="t", objectives=["score"], budget_trials=1,
        prior_summary={"neighbours": [{**near, "name": "secret"}], "uniform": {"method": {"full": 1.0}}},
    )  # fmt: skip
    migrated(clean)
    migrated(MigrationExecutor(connection).loader.graph.leaf_nodes("searches"))
    search.refresh_from_db()
    assert search.prior_summary == {"neighbours": [near], "uniform": {"method": {"full": 1.0}}}


def test_the_way_back_puts_the_words_into_the_shared_rows(people, old, record):
    owner, _ = people
    for number, name in enumerate(("one", "three"), start=1):
        row_of(
            old, said(record, name, parameters=number), number, owner_id=owner.user.pk, visibility="private"
        )
    migrated(MigrationExecutor(connection).loader.graph.leaf_nodes("experiences"))
    apps = migrated(BEFORE)
    task, model = (apps.get_model("experiences", name).objects.get() for name in ("Task", "LanguageModel"))
    assert (task.name, task.domain, task.metafeatures["values"]) == ("one", "one's", {"instances": 3.0})
    assert (model.parameters, model.features) == (1, {"parameters": 1, "layers": 12})
    assert get_user_model().objects.filter(pk=owner.user.pk).exists()
