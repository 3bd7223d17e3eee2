"""What the one door does at its edges: odd values, other people's runs, refusals that leave no trace."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from tunelore import record as records

from knowledgebase.core.errors import Problem
from knowledgebase.experiences.models import Experience, LanguageModel, Pipeline, Run, System, Task
from knowledgebase.experiences.selectors import task_summaries
from knowledgebase.experiences.services import expire_silent_runs, note_run, record_experiences
from knowledgebase.experiences.services.recording import content_and_digest, parts_in_order

pytestmark = pytest.mark.django_db
OUTCOME = ("outcome", "metrics", "primary", "cost")


def store(person, *batch, **how):
    results = record_experiences(batch, owner=person.user, team=person.team, **how)
    return [result.status for result in results]


def announced(record):
    return {name: part for name, part in record.items() if name not in OUTCOME}


def silence(settings):
    Run.objects.update(last_seen_at=timezone.now() - timedelta(seconds=settings.RUN_SILENCE_SECONDS + 1))


def test_provenance_counts_for_the_id_but_not_for_the_digest(owner, record):
    first = record()
    other = {**record()["provenance"], "seed": 12}
    assert store(owner, first, record(provenance=other), {**first, "provenance": other}) == [201, 201, 409]
    assert len(set(Experience.objects.values_list("digest", flat=True))) == 1


def test_refused_items_leave_no_rows_behind(owner, record):
    sent = record()
    store(owner, sent)
    task = {**sent["task"], "dataset": {"source": "file", "name": "other"}}
    changed = {**sent, "task": task, "pipeline": {"method": "probe", "hyperparameters": {}}}
    assert store(owner, changed, record(primary={"split": "test", "metric": "a", "value": 1.7})) == [409, 422]
    assert [model.objects.count() for model in (Task, System, LanguageModel, Pipeline)] == [1, 1, 1, 1]


def test_nothing_of_a_batch_is_stored_when_the_database_fails(owner, record, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("disk full")

    monkeypatch.setattr(Experience.objects, "bulk_create", broken)
    with pytest.raises(RuntimeError, match="disk full"):
        store(owner, record(), record())
    assert [model.objects.count() for model in (Experience, Task, Pipeline)] == [0, 0, 0]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_the_ends_of_the_calendar_keep_their_text(owner, record, moment):
    assert store(owner, record(started_at=moment, finished_at=moment)) == [201]
    row = Experience.objects.get()
    assert (row.started_at, row.record["started_at"]) == (None, moment)


def test_numbers_come_back_as_they_were(owner, record):
    metrics = {"validation": {"loss": 1e22, "tiny": 5e-324, "f1_macro": 1.0}}
    sent = record(metrics=metrics, extra={"large": 2**60, "minus": -0.0, "one": 1.0})
    store(owner, sent)
    back = Experience.objects.get().record
    assert back["metrics"] == metrics
    assert store(owner, back) == [200]


def test_a_method_without_language_model_or_system(owner, record):
    linear = {"method": "linear", "hyperparameters": {"c": 1.0}}
    store(owner, record(pipeline=linear, language_model=None, system=None))
    row = Experience.objects.get()
    assert (row.language_model, row.system, row.pipeline.language_model) == (None, None, None)


def test_metafeatures_of_another_extractor_and_of_a_sample_do_not_replace_better_ones(owner, record):
    def described(**changes):
        task = record()["task"]
        return record(task={**task, "metafeatures": {**task["metafeatures"], **changes}})

    store(owner, described(sampled=True, values={"instances": 300}))
    store(owner, described(values={"instances": 400}))
    store(owner, described(sampled=True, values={"instances": 300, "classes": 4}))
    store(owner, described(extractor="somebody.else", version=7))
    [task] = task_summaries(owner.user)
    metafeatures = task.metafeatures
    assert (metafeatures["values"], metafeatures["extractor"]) == (
        {"instances": 400},
        "tunelore.text-classification",
    )


def test_a_task_that_somebody_made_meanwhile_is_taken(owner, record, monkeypatch):
    """The search service makes tasks without the store's lock; the first one wins."""
    from knowledgebase.experiences.services import references

    sent = record()
    digest = references.identify(sent, "hub").task.digest
    real = Task.objects.bulk_create

    def late(rows, **options):
        Task(digest=digest, kind="text-classification", label_column="first").save()
        return real(rows, **options)

    monkeypatch.setattr(Task._default_manager, "bulk_create", late)
    assert store(owner, sent) == [201]
    assert Experience.objects.get().task.label_column == "first"


def test_only_who_announced_a_run_may_end_it(owner, stranger, record):
    sent = record()
    note_run(announced(sent), owner=owner.user, team=owner.team)
    [refused] = record_experiences([sent], owner=stranger.user, team=stranger.team)
    assert (refused.status, refused.problem.code) == (409, "other_owner")
    assert Run.objects.count() == 1
    assert store(owner, sent) == [201]
    assert Run.objects.count() == 0


def test_a_provisional_outcome_yields_to_its_owner_alone(owner, stranger, record, settings):
    sent = record()
    note_run(announced(sent), owner=owner.user, team=owner.team)
    silence(settings)
    assert expire_silent_runs() == 1
    assert store(stranger, sent) == [409]
    assert Experience.objects.get().provisional
    assert store(owner, sent) == [200]
    assert Experience.objects.get().owner == owner.user


def test_a_run_that_speaks_again_after_it_was_given_up_lives(owner, record, settings):
    sent = record()
    note_run(announced(sent), owner=owner.user, team=owner.team)
    silence(settings)
    expire_silent_runs()
    assert note_run(announced(sent), owner=owner.user, team=owner.team)
    silence(settings)
    assert expire_silent_runs() == 0
    assert (Run.objects.count(), Experience.objects.count()) == (0, 1)
    assert store(owner, sent) == [200]


def test_a_heartbeat_for_the_run_of_somebody_else_is_refused(owner, stranger, record):
    told = announced(record())
    note_run(told, owner=owner.user, team=owner.team)
    with pytest.raises(Problem, match="somebody else") as refused:
        note_run(told, owner=stranger.user, team=stranger.team)
    assert refused.value.status == 409


def test_a_run_with_an_outcome_is_no_run(owner, record):
    with pytest.raises(Problem) as refused:
        note_run(record(), owner=owner.user, team=owner.team)
    assert {"/outcome", "/metrics"} <= {field.pointer for field in refused.value.fields}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.text() | st.sampled_from(["id", "provenance", "z\uffff", "z\U0001f600"]), JSON, max_size=6
    )
)
def test_content_and_digest_are_those_of_the_record_as_a_whole(made):
    content, digest = content_and_digest(parts_in_order(made))
    assert content == hashlib.sha256(records.canonical(made)).hexdigest()
    assert digest == records.digest(made)
