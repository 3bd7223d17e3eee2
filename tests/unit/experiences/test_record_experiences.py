"""The one door into the store: what each item becomes, and what stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.services import personal_team
from knowledgebase.experiences.models import Experience, LanguageModel, Pipeline, Run, System, Task
from knowledgebase.experiences.services import delete_experience, note_run, record_experiences

Make = Callable[..., dict[str, Any]]


def store(owner: User, *batch: object, **options: Any) -> list[int]:
    return [
        result.status
        for result in record_experiences(batch, owner=owner, team=personal_team(owner), **options)
    ]


def test_a_record_becomes_a_row(alice: User, make_record: Make) -> None:
    record = make_record()
    assert store(alice, record) == [201]
    row = Experience.objects.get(pk=record["id"])
    assert row.record == record
    assert (row.method, row.status, row.score, row.evaluation_s) == ("lora", "ok", 0.71, 125.5)
    assert (row.train_rows, row.via, row.change_seq, row.visibility) == (400, "callback", 1, "team")
    assert row.task.name == "harbour notices"
    assert row.language_model is not None
    assert row.language_model.key == "package:acme/small-encoder@1"
    assert row.pipeline.hyperparameters == record["pipeline"]["hyperparameters"]
    assert row.finished_at is not None
    assert row.finished_at.isoformat() == "2026-11-20T09:02:05.500000+00:00"


def test_the_same_record_again_changes_nothing(alice: User, make_record: Make) -> None:
    record = make_record()
    store(alice, record)
    before = Experience.objects.values().get()
    reordered = dict(reversed(record.items()))
    assert store(alice, reordered, record) == [200, 200]
    assert Experience.objects.values().get() == before


def test_other_content_under_the_id_is_refused(alice: User, make_record: Make) -> None:
    record = make_record()
    other = {**record, "primary": {**record["primary"], "value": 0.99}}
    store(alice, record)
    [result] = record_experiences([other], owner=alice, team=personal_team(alice))
    assert result.status == 409
    assert result.problem is not None
    assert record["id"] in result.problem.detail
    assert Experience.objects.get().score == 0.71


def test_provenance_counts_for_the_id_but_not_for_the_digest(alice: User, make_record: Make) -> None:
    first, second = make_record(), make_record(provenance={"seed": 12})
    assert store(alice, first, second, {**first, "provenance": second["provenance"]}) == [201, 201, 409]
    assert len(set(Experience.objects.values_list("digest", flat=True))) == 1


def test_one_batch_decides_item_by_item(alice: User, make_record: Make, make_failure: Make) -> None:
    good, twin = make_record(), make_failure()
    changed = {**twin, "outcome": {**twin["outcome"], "cause": "device"}}
    batch = [good, "no record", {"id": "x"}, twin, twin, changed, make_record(id="run-1")]
    assert store(alice, *batch) == [201, 422, 422, 201, 200, 409, 422]
    assert Experience.objects.count() == 2
    assert list(Experience.objects.order_by("change_seq").values_list("change_seq", flat=True)) == [1, 2]


def test_refused_items_leave_no_rows_behind(alice: User, make_record: Make) -> None:
    record = make_record()
    store(alice, record)
    other = make_record(id=record["id"], task={"dataset": {"fingerprint": "rows-sha256:" + "77" * 32}})
    other["pipeline"]["method"] = "probe"
    assert store(alice, other, make_record(primary={"value": 1.7})) == [409, 422]
    assert [model.objects.count() for model in (Task, System, LanguageModel, Pipeline)] == [1, 1, 1, 1]


def test_a_problem_names_every_wrong_place(alice: User, make_record: Make) -> None:
    wrong = make_record(primary={"value": 1.7}, cost={"evaluation_s": -1}, outcome={"status": "finished"})
    [result] = record_experiences([wrong], owner=alice, team=None)
    assert result.problem is not None
    pointers = {field.pointer for field in result.problem.fields}
    assert {"/primary/value", "/cost/evaluation_s", "/outcome/status"} <= pointers


def test_too_large_is_413(alice: User, make_record: Make) -> None:
    huge = make_record()
    huge["pipeline"]["hyperparameters"] = {f"p{index:07d}": 0.001 * index for index in range(30_000)}
    assert store(alice, huge, make_record(extra={"text": "a" * 300_000})) == [413, 413]


def test_a_deleted_record_stays_deleted(alice: User, make_record: Make) -> None:
    record = make_record()
    store(alice, record)
    delete_experience(UUID(record["id"]), actor=alice)
    assert store(alice, record) == [410]
    assert not Experience.objects.exists()


def test_rows_are_shared_between_records(alice: User, make_record: Make) -> None:
    linear = make_record(language_model=None, pipeline={"method": "linear"}, system=None)
    assert store(alice, make_record(), make_record(), linear) == [201] * 3
    assert [model.objects.count() for model in (Task, System, LanguageModel, Pipeline)] == [1, 1, 1, 2]
    row = Experience.objects.get(method="linear")
    assert (row.language_model, row.system) == (None, None)


def test_the_number_of_queries_does_not_grow_with_the_batch(
    alice: User, make_record: Make, django_assert_num_queries: Any
) -> None:
    place = personal_team(alice)
    store(alice, make_record())
    for size in (1, 60):
        batch = [make_record() for _ in range(size)]
        # savepoint, counter (3), what is there (4), references (4), numbers, insert, runs (1), release
        with django_assert_num_queries(16 if size else 0):
            record_experiences(batch, owner=alice, team=place)


def test_newer_metafeatures_replace_older_ones(alice: User, make_record: Make) -> None:
    def described(**changes: Any) -> dict[str, Any]:
        return make_record(task={"metafeatures": changes})

    def stored() -> tuple[int, float | None]:
        metafeatures = Task.objects.get().metafeatures
        return metafeatures["version"], metafeatures["values"]["class_entropy"]

    store(alice, described(sampled=True))
    store(alice, described(values={"class_entropy": 1.25}))
    assert stored() == (1, 1.25)
    store(alice, described(version=2, values={"class_entropy": 1.5}))
    store(alice, described(values={"class_entropy": 9.0}))
    assert stored() == (2, 1.5)
    store(alice, described(extractor="somebody.else", version=7))
    assert stored() == (2, 1.5)


def test_a_task_without_identity_is_the_runs_own(alice: User, make_record: Make) -> None:
    nameless = {"dataset": {"source": "unknown", "name": None, "fingerprint": None}}
    store(alice, make_record(task=nameless), make_record(task=nameless))
    assert list(Task.objects.values_list("comparable", flat=True)) == [False, False]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_the_ends_of_the_calendar(alice: User, make_record: Make, moment: str) -> None:
    record = make_record(started_at=moment, finished_at=moment)
    assert store(alice, record) == [201]
    row = Experience.objects.get()
    assert (row.started_at, row.record["started_at"]) == (None, moment)


def test_large_numbers_come_back_as_they_were(alice: User, make_record: Make) -> None:
    record = make_record(
        metrics={"validation": {"loss": 1e22, "tiny": 5e-324}}, extra={"n": 2**60, "z": -0.0}
    )
    store(alice, record)
    row = Experience.objects.get()
    assert row.record["metrics"] == record["metrics"]
    assert store(alice, row.record) == [200]


def test_the_database_refuses_what_cannot_be(alice: User, make_record: Make) -> None:
    store(alice, make_record())
    rows = Experience.objects.all()
    for wrong in (
        {"status": "finished"},
        {"status": "oom"},
        {"score": 1.5},
        {"evaluation_s": -1.0},
        {"visibility": "everybody"},
        {"provisional": True},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**wrong)


def test_an_announced_run_ends_with_its_record(alice: User, charlie: User, make_record: Make) -> None:
    record = make_record()
    partial = {key: record[key] for key in record if key not in {"outcome", "metrics", "primary", "cost"}}
    note_run(partial, owner=alice, team=personal_team(alice))
    assert store(charlie, record) == [409]
    assert Run.objects.count() == 1
    assert store(alice, record) == [201]
    assert not Run.objects.exists()


def test_a_batch_belongs_to_a_team(alice: User, bob: User, team: Team, make_record: Make) -> None:
    record_experiences([make_record()], owner=bob, team=team)
    assert Experience.objects.visible_to(alice).count() == 1
