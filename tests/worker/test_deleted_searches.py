"""A search is gone by the time a worker or the sweep comes back to it: they end quietly and record nothing."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from knowledgebase.accounts.models import User
from knowledgebase.core.errors import Problem
from knowledgebase.experiences.models import Experience
from knowledgebase.searches import bridge, jobs, services
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.services import running
from knowledgebase.searches.services.trials import Claim, lose_trial

MakeTrial = Callable[..., Trial]


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Any:
    """Nothing in here is an error of the hub."""
    with caplog.at_level(logging.INFO):
        yield
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


def claimed(trial: Trial) -> Claim:
    claim = services.claim_trial(trial.pk, "test")
    assert claim is not None
    return claim


def remove(trial: Trial) -> None:
    """As an account's end takes its searches along, whatever their state."""
    Search.objects.filter(pk=trial.search_id).delete()


def test_every_step_of_a_claim_is_refused_once_the_search_is_gone(make_trial: MakeTrial) -> None:
    trial = make_trial()
    claim, ending = claimed(trial), bridge.lost_ending(trial.pk)
    remove(trial)
    beat = services.beat_trial(claim, {"phase": "train"})
    assert (beat.is_ours, beat.is_cancelled) == (False, False)
    assert not services.finish_trial(claim, ending)
    assert not services.release_trial(claim)
    assert not lose_trial(claim)
    assert services.claim_trial(trial.pk, "other") is None
    assert not Experience.objects.exists()


def test_jobs_for_what_is_gone_end_quietly(make_trial: MakeTrial) -> None:
    trial = make_trial()
    remove(trial)
    assert jobs.run_trial(str(trial.pk)) == "skipped"
    assert jobs.advance_search(str(trial.search_id)) == 0
    assert bridge.load_context(trial.search_id) is None


def test_a_trial_whose_search_goes_right_after_its_claim_is_refused(
    make_trial: MakeTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim is real; between it and the first read of the row the search is deleted."""
    trial = make_trial()

    def claim_and_lose(trial_id: Any, worker: str) -> Claim | None:
        claim = services.claim_trial(trial_id, worker)
        remove(trial)
        return claim

    monkeypatch.setattr(running, "claim_trial", claim_and_lose)
    assert services.run_trial(trial.pk, "test") == "refused"
    assert not Experience.objects.exists()


def test_a_running_training_stops_when_its_search_goes(make_trial: MakeTrial) -> None:
    """A real child: its first heartbeat after the deletion ends it, and its result is refused."""
    trial = make_trial()
    beats = []

    def delete_at_first_beat(_progress: Any) -> None:
        beats.append(1)
        remove(trial)

    assert services.run_trial(trial.pk, "test", on_progress=delete_at_first_beat) == "refused"
    assert beats == [1]
    assert not Experience.objects.exists()


def test_the_sweep_passes_over_claims_whose_search_is_gone(
    make_trial: MakeTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that was found expired and is deleted before it is given back, at its last loss."""
    trial = make_trial()
    claim = claimed(trial)
    Trial.objects.filter(pk=trial.pk).update(lease_until=timezone.now() - timedelta(seconds=1), losses=2)
    sweeping = importlib.import_module("knowledgebase.searches.services.sweep")
    monkeypatch.setattr(sweeping, "is_expired", lambda _claim: remove(trial) or True)
    assert not sweeping.expire_claim(claim)
    assert services.sweep()["expired"] == 0
    assert not Experience.objects.exists()


def test_a_trial_that_finishes_first_keeps_its_search_from_being_deleted(
    person: User, make_trial: MakeTrial
) -> None:
    """A failed search waits for its last trial: its experience is written, and then nothing is in flight."""
    trial = make_trial()
    claim = claimed(trial)
    Search.objects.update(state="failed", ended_at=timezone.now())
    with pytest.raises(Problem, match="in a few seconds"):
        services.delete_search(trial.search_id, actor=person)
    assert services.finish_trial(claim, bridge.lost_ending(trial.pk))
    assert services.delete_search(trial.search_id, actor=person, with_experiences=True) == 1
    assert not Experience.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_a_launch_and_a_deletion_at_one_moment_one_is_refused(
    transactional_db: None, person: User, dataset: Dataset
) -> None:
    """Never a search whose dataset is gone, and never an answer that is no answer."""
    columns = {
        name: getattr(dataset, name) for name in ("owner", "team", "source", "name", "state", "fingerprint")
    }
    for _ in range(6):
        one = Dataset.objects.create(**columns)
        start = threading.Barrier(2)

        def at_once(do: Callable[[], object], start: threading.Barrier = start) -> str:
            try:
                start.wait(10)
                do()
                return "done"
            except Problem as problem:
                return problem.code
            finally:
                connections.close_all()

        request = services.SearchRequest(dataset=one, budget_trials=1, methods=("linear",))
        with ThreadPoolExecutor(2) as pool:
            launched = pool.submit(at_once, lambda request=request: services.launch_search(person, request))
            deleted = pool.submit(at_once, lambda one=one: services.delete_dataset(one.pk, actor=person))
        answers = (launched.result(), deleted.result())
        assert answers in (("done", "dataset_in_use"), ("unknown_dataset", "done"))
        left = (Search.objects.filter(dataset=one.pk).exists(), Dataset.objects.filter(pk=one.pk).exists())
        assert left == ((True, True) if answers[0] == "done" else (False, False))
