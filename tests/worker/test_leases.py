"""Claim, heartbeat, finish, give back, lose: who may write to a trial, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from knowledgebase.experiences.models import Experience
from knowledgebase.searches import bridge, services
from knowledgebase.searches.models import Search, Trial
from knowledgebase.searches.services.trials import MAX_LOSSES, Claim, lose_trial

MakeTrial = Callable[..., Trial]


def claimed(trial: Trial) -> Claim:
    claim = services.claim_trial(trial.pk, "test")
    assert claim is not None
    return claim


def let_lease_end(trial: Trial) -> None:
    Trial.objects.filter(pk=trial.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def state(trial: Trial) -> str:
    return Trial.objects.get(pk=trial.pk).state


def test_a_claim_is_made_once(make_trial: MakeTrial) -> None:
    trial = make_trial()
    assert claimed(trial).token == 1
    assert services.claim_trial(trial.pk, "other") is None


def test_a_finished_trial_is_one_experience_of_the_same_id(make_trial: MakeTrial) -> None:
    trial = make_trial()
    claim = claimed(trial)
    assert services.finish_trial(claim, bridge.lost_ending(trial.pk))
    assert state(trial) == "done"
    row = Experience.objects.get()
    assert row.pk == trial.pk
    assert (row.status, row.cause, row.via) == ("killed", "lost", "search")
    assert row.record["provenance"]["trial"] == trial.number


def test_finishing_twice_writes_once(make_trial: MakeTrial) -> None:
    trial = make_trial()
    claim = claimed(trial)
    ending = bridge.lost_ending(trial.pk)
    assert services.finish_trial(claim, ending)
    assert not services.finish_trial(claim, ending)
    assert Experience.objects.count() == 1


def test_a_stale_token_is_refused_everywhere(make_trial: MakeTrial) -> None:
    trial = make_trial()
    old = claimed(trial)
    let_lease_end(trial)
    assert lose_trial(old)
    new = claimed(trial)
    assert new.token > old.token
    assert not services.beat_trial(old, {}).is_ours
    assert not services.finish_trial(old, bridge.lost_ending(trial.pk))
    assert not services.release_trial(old)
    assert state(trial) == "running"
    assert not Experience.objects.exists()
    assert services.beat_trial(new, {}).is_ours


def test_a_late_finish_before_the_sweep_still_counts(make_trial: MakeTrial) -> None:
    trial = make_trial()
    claim = claimed(trial)
    let_lease_end(trial)
    assert services.finish_trial(claim, bridge.lost_ending(trial.pk))


def test_a_heartbeat_prolongs_the_lease_and_shows_progress(make_trial: MakeTrial) -> None:
    trial = make_trial()
    claim = claimed(trial)
    let_lease_end(trial)
    beat = services.beat_trial(claim, {"phase": "train", "step": 3})
    assert beat.is_ours
    assert not beat.is_cancelled
    row = Trial.objects.get(pk=trial.pk)
    assert row.lease_until is not None
    assert row.lease_until > timezone.now()
    assert row.progress == {"phase": "train", "step": 3}


def test_a_released_trial_is_no_loss(make_trial: MakeTrial) -> None:
    trial = make_trial()
    assert services.release_trial(claimed(trial))
    row = Trial.objects.get(pk=trial.pk)
    assert (row.state, row.losses, row.attempt) == ("queued", 0, 1)
    assert claimed(trial).token == 2


def test_the_sweep_returns_a_silent_trial_and_ends_it_at_the_third_loss(make_trial: MakeTrial) -> None:
    trial = make_trial()
    for losses in range(1, MAX_LOSSES):
        claimed(trial)
        let_lease_end(trial)
        assert services.sweep()["expired"] == 1
        row = Trial.objects.get(pk=trial.pk)
        assert (row.state, row.losses) == ("queued", losses)
    claimed(trial)
    let_lease_end(trial)
    services.sweep()
    row = Trial.objects.get(pk=trial.pk)
    assert (row.state, row.status, row.cause) == ("done", "killed", "lost")
    assert Experience.objects.get().status == "killed"


def test_the_sweep_leaves_a_live_lease_alone(make_trial: MakeTrial) -> None:
    trial = make_trial()
    claimed(trial)
    assert services.sweep()["expired"] == 0
    assert state(trial) == "running"


def test_a_lost_message_is_sent_again_but_not_at_every_sweep(make_trial: MakeTrial) -> None:
    trial = make_trial()
    assert services.sweep()["resent"] == 1
    assert services.sweep()["resent"] == 0
    Trial.objects.update(sent_at=timezone.now() - timedelta(seconds=31))
    assert services.sweep()["resent"] == 1
    Trial.objects.update(sent_at=timezone.now() - timedelta(seconds=31))
    assert services.sweep()["resent"] == 0
    assert Trial.objects.get(pk=trial.pk).sends == 2


def test_cancelling_drops_what_waits_and_tells_what_runs(
    make_search: Callable[..., Search], make_trial: MakeTrial
) -> None:
    search = make_search(slots=2)
    running, waiting = make_trial(search, 1), make_trial(search, 2)
    claim = claimed(running)
    assert services.cancel_search(search.owner, search).state == "cancelling"
    assert state(waiting) == "cancelled"
    assert services.claim_trial(waiting.pk, "test") is None
    assert services.beat_trial(claim, {}).is_cancelled
    assert services.finish_trial(claim, bridge.lost_ending(running.pk))
    services.advance_search(search.pk)
    search.refresh_from_db()
    assert (search.state, search.end_reason) == ("cancelled", "user")
    assert Experience.objects.count() == 1


def test_cancelling_is_idempotent_and_ends_an_idle_search_at_once(make_search: Callable[..., Search]) -> None:
    search = make_search()
    first = services.cancel_search(search.owner, search)
    assert first.state == "cancelled"
    assert services.cancel_search(search.owner, search).ended_at == first.ended_at


@pytest.mark.parametrize("finished", ["cancelling", "cancelled", "done", "queued"])
def test_only_a_running_search_has_trials_to_claim(
    finished: str, make_search: Callable[..., Search], make_trial: MakeTrial
) -> None:
    search = make_search()
    trial = make_trial(search)
    Search.objects.update(state=finished, ended_at=timezone.now())
    assert services.claim_trial(trial.pk, "test") is None
