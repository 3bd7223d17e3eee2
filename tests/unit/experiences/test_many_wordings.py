"""As many wordings of one task as runs: what a reader is told stays the same, and costs no more than of a few."""

from __future__ import annotations

import copy

import pytest
from django.db.models.signals import post_init

from knowledgebase.experiences.models import Task, TaskDescription
from knowledgebase.experiences.selectors import language_model_list, nearest_tasks, task_detail
from knowledgebase.experiences.selectors.descriptions import MOST_WORDINGS, describe_language_models
from knowledgebase.experiences.services import record_experiences

pytestmark = pytest.mark.django_db
MANY = 3 * MOST_WORDINGS


def worded(record, number, **measured):
    one = record()
    task = copy.deepcopy(one["task"]) | {"name": f"run {number}"}
    task["metafeatures"] = {**task["metafeatures"], **measured}
    task["metafeatures"]["values"] = {**task["metafeatures"]["values"], "landmark": number / MANY}
    return {**one, "task": task}


@pytest.fixture
def read():
    """How many descriptions were made of rows since it was asked last."""
    seen = []
    post_init.connect(lambda **_: seen.append(1), sender=TaskDescription, weak=False, dispatch_uid="read")
    yield lambda: (len(seen), seen.clear())[0]
    post_init.disconnect(sender=TaskDescription, dispatch_uid="read")


def test_the_first_name_and_the_best_measurement_are_told(owner, mate, record, read):
    batch = [worded(record, number) for number in range(MANY)]
    batch[-1]["task"]["metafeatures"]["version"] = 2
    record_experiences(batch, owner=owner.user, team=owner.team)
    far = {
        **record()["task"],
        "name": "far",
        "dataset": {"source": "file", "name": "far", "label_column": "label"},
    }
    far["metafeatures"] = {**far["metafeatures"], "version": 2}
    record_experiences([record(task=far)], owner=owner.user, team=owner.team)
    assert TaskDescription.objects.count() == MANY + 1
    row = Task.objects.exclude(descriptions__name="far").distinct().get()
    for person in (owner, mate):
        read()
        told = task_detail(person.user, row.digest)
        assert 0 < read() <= 2 * MOST_WORDINGS
        assert told.name == "run 0"
        assert told.metafeatures["version"] == 2
        assert told.metafeatures["values"]["landmark"] == (MANY - 1) / MANY
        [near] = nearest_tasks(person.user, task_detail(person.user, told.digest))
        assert near.task.name == "far"
        assert read() <= 4 * MOST_WORDINGS + 4


def test_each_audience_has_its_own_first_words(owner, record):
    record_experiences([worded(record, n) for n in range(MANY)], owner=owner.user, team=owner.team)
    mine = worded(record, 7_000)
    record_experiences([mine], owner=owner.user, team=owner.team, visibility="private")
    assert task_detail(owner.user, Task.objects.get().digest).name == "run 7000"


def test_features_of_a_language_model_are_those_of_the_first_records(owner, record):
    batch = [record() for _ in range(MANY)]
    for number, one in enumerate(batch):
        one["language_model"] = {**one["language_model"], "features": {"layers": number + 1}}
    record_experiences(batch, owner=owner.user, team=owner.team)
    [model] = language_model_list(owner.user)
    describe_language_models(owner.user, [model])
    assert model.words.features["layers"] == 1
