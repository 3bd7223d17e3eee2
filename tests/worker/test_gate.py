"""The gate and early stopping in a hub: rows rebuilt, skips that cost nothing, trainings stopped by their rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from tunelore import record as records

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import personal_team
from knowledgebase.experiences.models import Experience
from knowledgebase.searches import bridge, selectors, services
from knowledgebase.searches.bridge.curves import stopping_of
from knowledgebase.searches.models import Dataset, Search, Trial

MakeSearch = Callable[..., Search]
#: Whatever is proposed once there is a score is refused twice, then run.
STERN = {"rules": ["score_below_best"], "reach": 1.0, "margin": 0.0, "after": 0, "audit": 0.0, "retries": 2}
EVALUATIONS = [{"epoch": 1, "step": 5, "values": {"eval_f1_macro": 0.9}}]


@pytest.fixture(autouse=True)
def folders(settings: Settings, tmp_path: Path) -> None:
    settings.UPLOADS_FOLDER = tmp_path / "uploads"
    settings.CACHE_FOLDER = tmp_path / "cache"


def end(trial: Trial, **columns: Any) -> None:
    Trial.objects.filter(pk=trial.pk).update(
        **{"state": "done", "status": "ok", "lease_until": None, "score": 0.5, "seconds": 1.0} | columns
    )


@pytest.mark.parametrize("sampler", ["random", "pge", "process", "nsga2"])
def test_skips_are_rows_that_cost_no_trial_of_the_budget(make_search: MakeSearch, sampler: str) -> None:
    search = make_search(
        gate=True,
        gate_options=STERN,
        sampler=sampler,
        objectives=["score"],
        budget_trials=4,
        methods=["linear"],
    )
    for _ in range(4):
        assert services.advance_search(search.pk) == 1
        end(search.trials.get(state="queued"))
    services.advance_search(search.pk)
    search.refresh_from_db()
    assert (search.state, search.end_reason) == ("done", "trials")
    trials = list(selectors.trial_list(search))
    assert [trial.number for trial in trials] == list(range(1, len(trials) + 1))
    ran = [trial for trial in trials if trial.state == "done"]
    skipped = [trial for trial in trials if trial.state == "skipped"]
    assert (len(ran), len(skipped)) == (4, 6)
    assert all(trial.why["gate"]["rule"] == "score_below_best" for trial in skipped)
    assert [trial.why["gate"]["decision"] for trial in ran[1:]] == ["last"] * 3
    assert not any(trial.sent_at or trial.started_at for trial in skipped)


def test_rebuilt_from_rows_the_gate_skips_the_same(make_search: MakeSearch) -> None:
    search = make_search(
        gate=True, gate_options=STERN, sampler="process", objectives=["score"], budget_trials=9, methods=[]
    )
    services.advance_search(search.pk)
    end(search.trials.get(state="queued"))
    trials, found = list(selectors.trial_list(search)), []
    for _ in range(2):
        bridge.engine._contexts.clear()
        context = bridge.load_context(search.pk)
        assert context is not None
        added = bridge.propose(context, search, trials, 2)
        found.append([(one.number, one.state, one.method, one.hyperparameters, one.why) for one in added])
    assert found[0] == found[1]
    assert {state for _, state, *_ in found[0]} == {"queued", "skipped"}


def test_a_cold_gate_knows_the_limits_of_its_search(make_search: MakeSearch) -> None:
    search = make_search(
        gate=True, sampler="random", methods=["full"], host_memory_bytes=2**28, budget_trials=5
    )
    services.advance_search(search.pk)
    context = bridge.load_context(search.pk)
    assert context is not None
    assert context.prior is not None
    assert context.prior.memory is not None
    assert context.prior.memory.target.limits.host_memory_bytes == 2**28
    # So little memory holds no full training of any but the smallest: first principles say so before the first run.
    assert search.trials.filter(state="skipped", why__gate__rule="likely_failure").exists()


def test_a_claim_of_a_skipped_proposal_finds_nothing_to_run(make_search: MakeSearch) -> None:
    search = make_search(gate=True)
    trial = Trial.objects.create(search=search, number=1, method="linear", state="skipped")
    assert services.claim_trial(trial.pk, "test") is None
    services.sweep()
    trial.refresh_from_db()
    assert (trial.state, trial.sends, Experience.objects.count()) == ("skipped", 0, 0)


def finished(search: Search, number: int, curve: list[dict[str, Any]], **columns: Any) -> Trial:
    """A finished trial with the Experience that holds its curve."""
    trial = Trial.objects.create(
        search=search, number=number, method="full", state="done", status="ok", score=0.95, seconds=0.1,
        hyperparameters={"epochs": 2}, **columns,
    )  # fmt: skip
    spec = {"schema": records.SCHEMA_ID, "id": str(trial.pk), "outcome": {"status": "ok"}, "curve": curve}
    times = {"started_at": "2026-11-20T10:00:00.000Z", "finished_at": "2026-11-20T10:01:00.000Z"}
    task = {
        "kind": "text-classification",
        "dataset": {"source": "file", "name": "x", "label_column": "label"},
    }
    made = {
        **spec, **times, "task": task, "pipeline": {"method": "full", "hyperparameters": {"epochs": 2}},
        "language_model": None, "provenance": {"client": "test/1", "via": "search"},
        "primary": {"split": "validation", "metric": "f1_macro", "value": 0.95},
        "metrics": {"validation": {"f1_macro": 0.95}},
    }  # fmt: skip
    from knowledgebase.experiences.services import record_experiences

    [result] = record_experiences([made], owner=search.owner, team=search.team)
    assert result.status == 201, result
    return trial


def test_a_training_is_compared_with_what_has_ended_in_its_own_search(make_search: MakeSearch) -> None:
    search = make_search(early_stopping="ceiling")
    for number in (1, 2, 3):
        finished(search, number, EVALUATIONS)
    finished(make_search(), 1, EVALUATIONS)
    Trial.objects.create(search=search, number=4, method="linear", state="done", status="oom")
    next_one = Trial.objects.create(search=search, number=5, method="full", hyperparameters={"epochs": 4})
    found = stopping_of(next_one)
    assert found is not None
    assert (found.rule, len(found.peers), found.front) == ("ceiling", 3, ((0.95, 0.1),) * 3)
    assert (found.peers[0].shares, found.peers[0].scores) == ((0.5,), (0.9,))
    assert found.objectives == ("score", "seconds")
    search.early_stopping = ""
    next_one.search = search
    assert stopping_of(next_one) is None


@pytest.fixture
def rows(person: User) -> Dataset:
    lines = [f"{word} {number % 7},{word}" for number in range(80) for word in ("red", "blue")]
    stored = services.store_upload([("text,label\n" + "\n".join(lines) + "\n").encode()], "rows.csv")
    made = services.create_dataset(
        person, source="upload", name="colours", team=personal_team(person), files={"train": stored.name},
        text_columns=["text"], label_column="label",
    )  # fmt: skip
    services.resolve_dataset(made.pk)
    return made


@pytest.mark.training
def test_a_hopeless_training_ends_as_pruned_and_its_search_learns_from_it(
    person: User, rows: Dataset, make_search: MakeSearch, checkpoint: str
) -> None:
    search = make_search(
        dataset=rows, early_stopping="ceiling", methods=["full"], sampler="process", budget_trials=9,
        language_models=[f"{checkpoint}#layers=1"],
    )  # fmt: skip
    for number in (1, 2, 3):
        finished(search, number, EVALUATIONS, language_model=f"{checkpoint}#layers=1")
    values = {
        "learning_rate": 1e-9, "epochs": 6, "batch_size": 16, "max_length": 32, "warmup_share": 0.0,
        "weight_decay": 0.0, "class_weights": False,
    }  # fmt: skip
    trial = Trial.objects.create(
        search=search,
        number=4,
        method="full",
        language_model=f"{checkpoint}#layers=1",
        hyperparameters=values,
        seed=1,
    )
    assert services.run_trial(trial.pk, "test") == "done"
    trial.refresh_from_db()
    assert (trial.status, trial.cause, trial.score) == ("pruned", "ceiling", None)
    assert 0 < trial.pruning["reached"] <= trial.pruning["ceiling"] < 0.95
    assert trial.seconds is not None
    kept = Experience.objects.get(pk=trial.pk)
    assert (kept.status, kept.record["outcome"]["cause"], kept.score) == ("pruned", "ceiling", None)
    assert records.check(kept.record) == []
    assert kept.record["curve"]
    assert kept.record["cost"]["evaluation_s"] == trial.seconds
    told = bridge.engine.outcome_of(trial)
    assert (told.is_pruned, told.is_failure, told.score) == (True, False, trial.pruning["reached"])
    assert services.advance_search(search.pk) == 1
