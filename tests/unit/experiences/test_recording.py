"""The one door into the store: idempotent, per item, in the order of commits."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tunelore.record import uuid7

from knowledgebase.accounts.models import AuditEntry
from knowledgebase.core.errors import Problem
from knowledgebase.experiences.models import Experience, LanguageModel, Pipeline, Run, System, Task, Tombstone
from knowledgebase.experiences.selectors import task_summaries
from knowledgebase.experiences.services import (
    delete_experience,
    expire_silent_runs,
    note_run,
    record_experiences,
)

pytestmark = pytest.mark.django_db


def store(owner, *batch, **how):
    return record_experiences(batch, owner=owner.user, team=owner.team, **how)


def test_a_record_becomes_a_row_with_its_columns(owner, record):
    sent = record()
    [result] = store(owner, sent)
    row = Experience.objects.get(pk=sent["id"])
    assert (result.status, result.problem) == (201, None)
    assert row.record == sent
    assert (row.status, row.score, row.evaluation_s, row.method) == ("ok", 0.8, 30.5, "full")
    assert (row.task_title, row.language_model.key) == ("weather", "package:tiny/encoder@1")
    assert (row.visibility, row.team, row.owner) == ("team", owner.team, owner.user)


def test_the_same_record_again_changes_nothing(owner, record):
    sent = record()
    store(owner, sent)
    before = Experience.objects.values().get()
    assert [one.status for one in store(owner, sent, dict(reversed(sent.items())))] == [200, 200]
    assert Experience.objects.values().get() == before


def test_other_content_under_the_same_id_is_refused_and_the_first_stays(owner, record):
    sent = record()
    other = {**sent, "metrics": {"validation": {"f1_macro": 0.1}}}
    assert [one.status for one in store(owner, sent, sent, other)] == [201, 200, 409]
    [again] = store(owner, other)
    assert again.status == 409
    assert sent["id"] in again.problem.detail
    assert Experience.objects.get().record == sent


def test_one_bad_item_does_not_hinder_the_others(owner, record):
    bad = record(pipeline={"method": "full"}, outcome={"status": "finished"})
    results = store(owner, record(), bad, "no record", record())
    assert [one.status for one in results] == [201, 422, 422, 201]
    pointers = {field.pointer for field in results[1].problem.fields}
    assert {"/pipeline/hyperparameters", "/outcome/status"} <= pointers
    assert Experience.objects.count() == 2


def test_ten_megabytes_of_hyperparameters_are_refused(owner, record):
    many = {f"p{number:07d}": 0.001 * number for number in range(450_000)}
    [result] = store(owner, record(pipeline={"method": "full", "hyperparameters": many}))
    assert result.status == 413
    assert Experience.objects.count() == 0


def test_shared_parts_are_stored_once(owner, record):
    store(owner, *[record() for _ in range(5)])
    assert [model.objects.count() for model in (Task, System, LanguageModel, Pipeline)] == [1, 1, 1, 1]


def test_the_number_of_queries_does_not_grow_with_the_batch(owner, record):
    counts = []
    for size in (20, 100):
        batch = [record() for _ in range(size)]
        with CaptureQueriesContext(connection) as queries:
            store(owner, *batch)
        counts.append(len(queries))
    assert counts[1] <= counts[0] <= 30


def test_metafeatures_of_a_newer_extractor_win_and_identity_stays(owner, record):
    first, second = record(), record()
    second["task"]["metafeatures"] = {
        **second["task"]["metafeatures"],
        "version": 2,
        "values": {"instances": 401},
    }
    store(owner, first, second)
    third = record()
    store(owner, third)
    [task] = task_summaries(owner.user)
    assert task.metafeatures["version"] == 2


def test_change_numbers_grow_without_gaps(owner, record):
    store(owner, record(), record())
    store(owner, record())
    assert sorted(Experience.objects.values_list("change_seq", flat=True)) == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_parallel_writers_get_numbers_in_the_order_of_their_commits(owner, record):
    problems = []

    def write(batch):
        try:
            store(owner, *batch)
        except Exception as error:
            problems.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=([record() for _ in range(5)],)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sorted(Experience.objects.values_list("change_seq", flat=True)) == list(range(1, 31))


def test_a_deleted_record_does_not_come_back(owner, record):
    sent = record()
    store(owner, sent)
    delete_experience(UUID(sent["id"]), actor=owner.user, reason="wrong data")
    [result] = store(owner, sent)
    assert result.status == 410
    assert Tombstone.objects.get().change_seq == 2
    assert Experience.objects.count() == 0


def test_only_owners_delete(owner, mate, stranger, record):
    sent = record()
    store(owner, sent)
    with pytest.raises(Problem) as refused:
        delete_experience(UUID(sent["id"]), actor=mate.user)
    with pytest.raises(Problem) as hidden:
        delete_experience(UUID(sent["id"]), actor=stranger.user)
    assert (refused.value.status, hidden.value.status) == (403, 404)
    assert Experience.objects.count() == 1


def partial(record):
    return {
        name: part for name, part in record().items() if name not in ("outcome", "metrics", "primary", "cost")
    }


def test_a_silent_run_becomes_provisional_and_yields_to_its_own_record(owner, record, settings):
    told = partial(record)
    assert note_run(told, owner=owner.user, team=owner.team)
    assert not note_run(told, owner=owner.user, team=owner.team)
    assert expire_silent_runs() == 0
    Run.objects.update(last_seen_at=timezone.now() - timedelta(seconds=settings.RUN_SILENCE_SECONDS + 1))
    assert expire_silent_runs() == 1
    row = Experience.objects.get()
    assert (row.status, row.cause, row.provisional) == ("killed", "lost", True)
    assert Run.objects.count() == 0
    own = record(id=told["id"])
    assert store(owner, own)[0].status == 200
    row.refresh_from_db()
    assert (row.status, row.provisional, row.record, row.change_seq) == ("ok", False, own, 2)
    assert store(owner, own)[0].status == 200


def test_what_a_client_took_for_lost_yields_once_to_what_the_run_says_itself(owner, mate, record):
    own = record()
    lost = {**own, "outcome": {"status": "killed", "cause": "lost"}, "primary": None, "metrics": {}}
    assert [one.status for one in store(owner, lost, lost)] == [201, 200]
    assert [one.status for one in store(mate, own)] == [409]
    assert store(owner, {**lost, "cost": {"steps": 7}})[0].status == 409  # no guess for a guess
    assert [one.status for one in store(owner, own, own)] == [200, 200]
    row = Experience.objects.get()
    assert (row.status, row.cause, row.record, row.change_seq) == ("ok", "", own, 2)
    assert [one.status for one in store(owner, lost, record(id=own["id"], cost={"steps": 8}))] == [409, 409]
    assert Experience.objects.get().record == own


@pytest.mark.parametrize(
    ("guess", "sent", "then"),
    [
        ("team", "private", "private"),
        ("team", "public", "team"),
        ("public", "team", "team"),
        ("private", "team", "private"),
        ("hub", "hub", "hub"),
    ],
)
def test_the_own_record_of_a_silent_run_is_seen_by_the_fewer(owner, record, settings, guess, sent, then):
    told = partial(record)
    note_run(told, owner=owner.user, team=owner.team)
    Run.objects.update(last_seen_at=timezone.now() - timedelta(seconds=settings.RUN_SILENCE_SECONDS + 1))
    assert expire_silent_runs() == 1
    Experience.objects.update(visibility=guess)
    assert store(owner, record(id=told["id"]), visibility=sent)[0].status == 200
    row = Experience.objects.get()
    assert (row.provisional, row.visibility) == (False, then)
    entry = AuditEntry.objects.get(action="experience.replace")
    assert (entry.actor, entry.team, entry.target) == (owner.user, owner.team, told["id"])
    assert entry.facts == {"before": guess, "after": then}


@pytest.mark.parametrize("visibility", ["hub", "public"])
def test_what_is_seen_beyond_the_team_from_the_start_is_audited(owner, record, visibility):
    one, two, three = record(), record(), record()
    store(owner, one, visibility=visibility)
    store(owner, one, visibility=visibility)  # known: nothing happens
    store(owner, one, two, three, {"id": "none"}, visibility=visibility)
    first, second = AuditEntry.objects.filter(action="experience.create").order_by("pk")
    assert (first.actor, first.team, first.target) == (owner.user, owner.team, one["id"])
    assert first.facts == {"visibility": visibility, "ids": [one["id"]]}
    assert (second.target, second.facts["ids"]) == ("2 experiences", [two["id"], three["id"]])


@pytest.mark.parametrize("visibility", ["private", "team"])
def test_what_stays_in_the_team_is_told_by_the_record_itself(owner, record, visibility):
    store(owner, record(), visibility=visibility)
    assert not AuditEntry.objects.filter(action__startswith="experience.").exists()


def test_an_ended_run_is_not_woken_up(owner, record):
    sent = record()
    store(owner, sent)
    told = {**partial(record), "id": sent["id"]}
    assert not note_run(told, owner=owner.user, team=owner.team)
    assert Run.objects.count() == 0


def test_the_record_settles_its_run(owner, record):
    told = partial(record)
    note_run(told, owner=owner.user, team=owner.team)
    store(owner, record(id=told["id"]))
    assert Run.objects.count() == 0


@pytest.mark.parametrize(
    "column",
    [
        {"status": "finished"},
        {"score": 1.5},
        {"evaluation_s": -1.0},
        {"visibility": "all"},
        {"status": "oom", "score": 0.5},
    ],
)
def test_the_database_itself_refuses_nonsense(owner, record, column):
    store(owner, record())
    with pytest.raises(IntegrityError), transaction.atomic():
        Experience.objects.update(**column)


def test_visibility(owner, mate, stranger, record):
    for visibility in ("private", "team", "hub"):
        store(owner, record(), visibility=visibility)
    seen = {
        name: sorted(Experience.objects.visible_to(who).values_list("visibility", flat=True))
        for name, who in {
            "owner": owner.user,
            "mate": mate.user,
            "stranger": stranger.user,
            "nobody": None,
        }.items()
    }
    assert seen == {
        "owner": ["hub", "private", "team"],
        "mate": ["hub", "team"],
        "stranger": ["hub"],
        "nobody": [],
    }


def test_runs_without_a_dataset_are_tasks_of_their_own(owner, record):
    task = {"kind": "text-classification", "dataset": {"source": "unknown"}}
    store(owner, record(task=task), record(task=task))
    assert list(Task.objects.values_list("comparable", flat=True)) == [False, False]


def test_ids_are_taken_in_any_spelling(owner, record):
    sent = record(id=uuid7().upper())
    assert store(owner, sent)[0].status == 201
    assert store(owner, {**sent, "id": sent["id"].lower()})[0].status in (200, 409)
    assert Experience.objects.count() == 1
