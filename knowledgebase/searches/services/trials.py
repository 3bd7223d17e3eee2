"""The life of one trial row: claimed, prolonged, given back, finished. Each step is one conditional update.

It knows nothing of child processes. The fencing token is the trial's attempt number at the claim: whoever holds
an older one is told so and must throw its result away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from knowledgebase.experiences.services import record_experiences
from knowledgebase.searches.bridge import Ending
from knowledgebase.searches.models import Search, Trial
from knowledgebase.searches.services.hints import hint_advance, hint_run

LEASE_S = 20.0
MAX_LOSSES = 3
Progress = Mapping[str, object]


class RecordRefused(RuntimeError):
    """The store refused a record that a worker of this hub built: a fault of the hub, never of the user."""


@dataclass(frozen=True)
class Claim:
    """The right to run one trial until its lease ends; `token` proves it."""

    trial_id: UUID
    search_id: UUID
    token: int


@dataclass(frozen=True)
class Beat:
    """What a heartbeat learns: whether the lease still holds, and whether somebody cancelled the search."""

    is_ours: bool
    is_cancelled: bool


def claim_trial(trial_id: UUID, worker: str) -> Claim | None:
    """Take a queued trial of a running search; None when somebody else has it or it is no longer wanted."""
    now = timezone.now()
    taken = Trial.objects.filter(
        pk=trial_id, state=Trial.State.QUEUED, search__state=Search.State.RUNNING
    ).update(
        state=Trial.State.RUNNING,
        attempt=F("attempt") + 1,
        lease_until=now + timedelta(seconds=LEASE_S),
        worker=worker[:200],
        started_at=now,
        progress={},
    )
    if not taken:
        return None
    # Nobody else writes attempt while the lease holds, so this reads the value of our own update.
    trial = Trial.objects.only("search_id", "attempt").filter(pk=trial_id).first()
    if trial is None:
        return None
    return Claim(trial_id=trial_id, search_id=trial.search_id, token=trial.attempt)


def beat_trial(claim: Claim, progress: Progress) -> Beat:
    """Prolong the lease and show the progress. A beat that comes late but before the sweep still counts."""
    held = _held(claim).update(
        lease_until=timezone.now() + timedelta(seconds=LEASE_S), progress=dict(progress)
    )
    if not held:
        return Beat(is_ours=False, is_cancelled=False)
    state = Search.objects.filter(pk=claim.search_id).values_list("state", flat=True).first()
    return Beat(is_ours=state is not None, is_cancelled=state != Search.State.RUNNING)


def finish_trial(claim: Claim, ending: Ending) -> bool:
    """Write the outcome, its Experience and the next hint in one transaction; False for a stale token.

    Raises RecordRefused, and leaves everything as it was, when the store does not take the record.
    """
    with transaction.atomic():
        now = timezone.now()
        done = _held(claim).update(
            state=Trial.State.DONE,
            lease_until=None,
            finished_at=now,
            status=ending.status,
            cause=ending.cause,
            phase=ending.phase,
            score=ending.score,
            seconds=ending.seconds,
            memory_bytes=ending.memory_bytes,
            trainable_parameters=ending.trainable_parameters,
            energy_j=ending.energy_j,
            pruning=dict(ending.pruning),
        )
        if not done:
            return False
        _record(claim.search_id, ending.record)
        hint_advance(claim.search_id, now)
    return True


def release_trial(claim: Claim) -> bool:
    """Give a trial back unharmed (the worker stops); it is no loss, and the next claim gets a new token."""
    with transaction.atomic():
        back = _held(claim).update(state=Trial.State.QUEUED, lease_until=None, progress={}, worker="")
        if back:
            hint_run([claim.trial_id], timezone.now())
    return bool(back)


def lose_trial(claim: Claim) -> bool:
    """Count a broken attempt and put the trial back; False when its losses are used up or the token is stale.

    False leaves the trial as it is: the caller ends it with a record (`killed`, cause `lost`).
    """
    with transaction.atomic():
        back = (
            _held(claim)
            .filter(losses__lt=MAX_LOSSES - 1)
            .update(
                state=Trial.State.QUEUED, lease_until=None, progress={}, worker="", losses=F("losses") + 1
            )
        )
        if back:
            hint_run([claim.trial_id], timezone.now())
    return bool(back)


def expired_claims() -> list[Claim]:
    """Claims whose lease ran out. Acting on one is safe: a late beat or finish moves the row first or is refused."""
    rows = Trial.objects.filter(state=Trial.State.RUNNING, lease_until__lt=timezone.now())
    return [
        Claim(trial_id=pk, search_id=search, token=attempt)
        for pk, search, attempt in rows.values_list("pk", "search_id", "attempt")
    ]


def is_expired(claim: Claim) -> bool:
    """Whether the lease of exactly this claim has run out."""
    return _held(claim).filter(lease_until__lt=timezone.now()).exists()


def _held(claim: Claim) -> QuerySet[Trial]:
    return Trial.objects.filter(pk=claim.trial_id, state=Trial.State.RUNNING, attempt=claim.token)


def _record(search_id: UUID, record: Mapping[str, object]) -> None:
    search = Search.objects.select_related("owner", "team").get(pk=search_id)
    [result] = record_experiences([record], owner=search.owner, team=search.team)
    if result.status not in (200, 201):
        raise RecordRefused(f"the store answered {result.status} to a trial's record: {result.problem}")
