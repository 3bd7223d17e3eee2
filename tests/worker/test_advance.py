"""Searches pushed on by hand: start, slots, budget, baseline, and real linear trials drained in this process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings
from tunelore import record as records

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import personal_team
from knowledgebase.experiences.models import Experience
from knowledgebase.searches import bridge, selectors, services
from knowledgebase.searches.models import Dataset, Search, Trial

MakeSearch = Callable[..., Search]


@pytest.fixture(autouse=True)
def folders(settings: Settings, tmp_path: Path) -> None:
    settings.UPLOADS_FOLDER = tmp_path / "uploads"
    settings.CACHE_FOLDER = tmp_path / "cache"


@pytest.fixture
def rows(person: User) -> Dataset:
    """160 rows that a linear model learns at once, uploaded and not read yet."""
    lines = [f"{word} {number % 7},{word}" for number in range(80) for word in ("red", "blue")]
    stored = services.store_upload([("text,label\n" + "\n".join(lines) + "\n").encode()], "rows.csv")
    return services.create_dataset(
        person,
        source="upload",
        name="colours",
        team=personal_team(person),
        files={"train": stored.name},
        text_columns=["text"],
        label_column="label",
    )


def launch(person: User, dataset: Dataset, **changes: Any) -> Search:
    asked: dict[str, Any] = {"budget_trials": 3, "sampler": "random", "seed": 1, "methods": ["linear"]}
    return services.launch_search(person, services.SearchRequest(dataset=dataset, **(asked | changes)))


def end(trial_id: UUID, **columns: Any) -> None:
    given = {"state": "done", "status": "ok", "lease_until": None} | columns
    Trial.objects.filter(pk=trial_id).update(**given)


def test_a_search_waits_for_its_dataset(person: User, rows: Dataset) -> None:
    search = launch(person, rows)
    assert services.advance_search(search.pk) == 0
    search.refresh_from_db()
    assert search.state == "queued"
    assert services.resolve_dataset(rows.pk) == "ready"
    assert services.advance_search(search.pk) == 1


def test_a_refused_dataset_fails_its_search_with_the_reason(person: User) -> None:
    stored = services.store_upload([b"text,label\n"], "rows.csv")
    dataset = services.create_dataset(
        person,
        source="upload",
        name="empty",
        team=personal_team(person),
        files={"train": stored.name},
        text_columns=["text"],
        label_column="label",
    )
    search = launch(person, dataset)
    assert services.resolve_dataset(dataset.pk) == "refused"
    services.advance_search(search.pk)
    search.refresh_from_db()
    assert (search.state, search.problem["code"]) == ("failed", "dataset_refused")


def test_reading_a_dataset_finds_what_a_task_needs(rows: Dataset) -> None:
    services.resolve_dataset(rows.pk)
    rows.refresh_from_db()
    assert rows.classes == {"blue": 80, "red": 80}
    assert rows.fingerprint.startswith("rows-sha256:")
    assert rows.task_digest
    assert rows.metafeatures["values"]["classes"] == 2


def test_the_baseline_comes_first_and_once(make_search: MakeSearch) -> None:
    search = make_search(methods=[], slots=3, budget_trials=12, seed=5)
    services.advance_search(search.pk)
    trials = list(selectors.trial_list(search))
    assert [trial.number for trial in trials] == [1, 2, 3]
    assert (trials[0].method, trials[0].origin) == ("linear", "baseline")
    assert [trial.origin for trial in trials].count("baseline") == 1


def test_no_baseline_where_the_user_left_it_out(make_search: MakeSearch) -> None:
    search = make_search(methods=["probe"], slots=2)
    services.advance_search(search.pk)
    assert {trial.method for trial in selectors.trial_list(search)} == {"probe"}


def test_only_free_slots_are_filled(make_search: MakeSearch) -> None:
    search = make_search(slots=2, budget_trials=5)
    assert services.advance_search(search.pk) == 2
    assert services.advance_search(search.pk) == 0
    end(search.trials.get(number=1).pk, score=0.5, seconds=1.0)
    assert services.advance_search(search.pk) == 1


def test_the_budget_of_trials_ends_the_search(make_search: MakeSearch) -> None:
    search = make_search(slots=4, budget_trials=2)
    assert services.advance_search(search.pk) == 2
    for trial in search.trials.all():
        end(trial.pk)
    services.advance_search(search.pk)
    search.refresh_from_db()
    assert (search.state, search.end_reason) == ("done", "trials")
    assert services.advance_search(search.pk) == 0


def test_the_budget_of_seconds_ends_the_search_and_drops_what_waits(make_search: MakeSearch) -> None:
    search = make_search(slots=2, budget_trials=50, budget_seconds=60.0)
    services.advance_search(search.pk)
    first, second = selectors.trial_list(search)
    assert services.claim_trial(first.pk, "test")
    Search.objects.update(started_at=timezone.now() - timedelta(seconds=61))
    services.advance_search(search.pk)
    second.refresh_from_db()
    search.refresh_from_db()
    assert (second.state, search.state) == ("cancelled", "running")
    end(first.pk)
    services.advance_search(search.pk)
    search.refresh_from_db()
    assert (search.state, search.end_reason) == ("done", "seconds")


@pytest.mark.parametrize("sampler", ["pge", "process"])
def test_rebuilt_from_rows_the_engine_proposes_the_same(make_search: MakeSearch, sampler: str) -> None:
    """Forgetting the process' cache and asking again gives the same pipelines: rows are all there is."""
    search = make_search(methods=[], slots=4, budget_trials=20, seed=11, sampler=sampler)
    proposals = []
    for _ in range(2):
        bridge.engine._contexts.clear()
        context = bridge.load_context(search.pk)
        assert context is not None
        trials = bridge.propose(context, search, [], 4)
        proposals.append([(trial.method, trial.language_model, trial.hyperparameters) for trial in trials])
    assert proposals[0] == proposals[1]


def test_a_cold_search_knows_its_limits_and_the_sizes_of_language_models(make_search: MakeSearch) -> None:
    search = make_search(methods=["full"], slots=1, budget_trials=20, seed=11, sampler="process", wall_s=33.0)
    context = bridge.load_context(search.pk)
    assert context is not None
    assert context.prior is not None
    assert context.prior.memory is not None
    assert context.prior.memory.target.limits.wall_s == 33.0
    assert context.prior.memory.runs == []
    facts = context.prior.memory.facts
    assert set(facts) == set(context.space.language_models)
    assert max(sizes["parameters"] for sizes in facts.values()) > 2e7  # MiniLM


def test_real_trials_become_correct_records(person: User, rows: Dataset) -> None:
    services.resolve_dataset(rows.pk)
    search = launch(person, rows, warm_start=False, train_rows=60)
    ended = list(services.drain_searches([search.pk], "test"))
    assert [trial.status for trial in ended] == ["ok"] * 3
    search.refresh_from_db()
    assert (search.state, search.end_reason) == ("done", "trials")
    rows.refresh_from_db()
    for trial in ended:
        record = Experience.objects.get(pk=trial.pk).record
        assert records.check(record) == []
        assert records.task_identity(record).digest == rows.task_digest
        assert record["fidelity"]["train_rows"] == 60
        assert 0 < record["fidelity"]["train_fraction"] < 1
        assert record["provenance"] == {
            "client": "tunelore-hub/0.1.0",
            "via": "search",
            "seed": trial.seed,
            "search": str(search.pk),
            "trial": trial.number,
        }
        assert record["system"]["features"]["cpu_cores_logical"]
        assert record["conditions"]["device_speed"] > 0
        assert record["limits"]["wall_s"] == search.wall_s
        assert record["language_model"] is None
    report = selectors.search_report(search)
    assert report.best is not None
    assert report.best.score == max(trial.score or 0.0 for trial in ended)


def test_a_warm_search_keeps_a_snapshot_of_what_it_knew(person: User, rows: Dataset) -> None:
    services.resolve_dataset(rows.pk)
    list(services.drain_searches([launch(person, rows, warm_start=False).pk], "test"))
    warm = launch(person, rows, sampler="pge", seed=2)
    services.advance_search(warm.pk)
    warm.refresh_from_db()
    known = {str(pk) for pk in Experience.objects.values_list("pk", flat=True)}
    assert set(warm.prior_ids) == known
    assert warm.prior_digest.startswith("sha256:")
    [neighbour] = selectors.search_report(warm).neighbours
    assert (neighbour.name, neighbour.distance) == ("colours", 0.0)
    before = bridge.load_context(warm.pk)
    Experience.objects.all().delete()
    bridge.engine._contexts.clear()
    after = bridge.load_context(warm.pk)
    assert before is not None
    assert after is not None
    assert before.prior is not None
    assert after.prior is not None
    assert after.prior.distributions() == before.prior.distributions()


def test_a_prior_uses_only_what_its_owner_may_see(person: User, rows: Dataset) -> None:
    from knowledgebase.accounts.services import create_user

    services.resolve_dataset(rows.pk)
    list(services.drain_searches([launch(person, rows, warm_start=False).pk], "test"))
    stranger = create_user("charlie")
    stored = Dataset.objects.get(pk=rows.pk)
    stored.pk = None
    stored.owner, stored.team = stranger, personal_team(stranger)
    stored._state.adding = True
    stored.id = UUID(records.uuid7())
    stored.save()
    search = launch(stranger, stored, sampler="pge")
    services.advance_search(search.pk)
    search.refresh_from_db()
    assert (search.prior_ids, search.prior_digest) == ([], "")
