"""Make up for every message and every worker that was lost; runs every 15 s and harms nothing when run twice."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.core.cache import cache
from django.utils import timezone

from knowledgebase.experiences.services import expire_silent_runs
from knowledgebase.searches import bridge
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.services.datasets import discard_orphans, expire_uploads
from knowledgebase.searches.services.hints import hint_advance, hint_resolve, hint_run
from knowledgebase.searches.services.trials import (
    Claim,
    expired_claims,
    finish_trial,
    is_expired,
    lose_trial,
)

logger = logging.getLogger(__name__)

# A message may wait for a free slot as long as a training takes, so it is repeated ever more rarely.
FIRST_RESEND_S = 30.0
LAST_RESEND_S = 300.0
ADVANCE_AGAIN_S = 10.0
ORPHANS_EVERY_S = 3600


def sweep() -> dict[str, int]:
    """One pass over everything that may have been left behind; how much of each kind there was."""
    now = timezone.now()
    return {
        "expired": sum(expire_claim(claim) for claim in expired_claims()),
        "resent": resend_queued(now),
        "advanced": advance_unfinished(now),
        "resolving": resolve_waiting(now),
        "silent": expire_silent_runs(),
        "uploads": expire_uploads(now),
        "orphans": discard_orphans(now) if cache.add("searches.orphans", 1, ORPHANS_EVERY_S) else 0,
    }


def expire_claim(claim: Claim) -> bool:
    """Send a trial whose worker fell silent back to the queue; after the third loss end it as lost."""
    if not is_expired(claim):
        return False
    if lose_trial(claim):
        logger.warning("trial %s: lease %d ran out, back to the queue", claim.trial_id, claim.token)
        return True
    return end_lost(claim)


def end_lost(claim: Claim) -> bool:
    """End a trial whose attempts are used up, with the Experience that says so; False when it is not ours, or gone."""
    try:
        ending = bridge.lost_ending(claim.trial_id)
    except Trial.DoesNotExist:
        return False
    ended = finish_trial(claim, ending)
    if ended:
        logger.warning("trial %s ended as lost at attempt %d", claim.trial_id, claim.token)
    return ended


def resend_queued(now: datetime, *, at_once: bool = False) -> int:
    """Send the messages of queued trials again, where the last one is old; at_once for a worker that starts."""
    waiting = Trial.objects.filter(state=Trial.State.QUEUED, search__state=Search.State.RUNNING)
    due = [
        pk
        for pk, sent, sends in waiting.values_list("pk", "sent_at", "sends")
        if at_once or sent is None or (now - sent).total_seconds() >= _patience(sends)
    ]
    hint_run(due, now)
    return len(due)


def _patience(sends: int) -> float:
    return min(FIRST_RESEND_S * 2.0 ** max(sends - 1, 0), LAST_RESEND_S)


def advance_unfinished(now: datetime) -> int:
    """Every unfinished search that nobody was asked to look at lately is looked at."""
    lately = now - timedelta(seconds=ADVANCE_AGAIN_S)
    due = list(Search.objects.unfinished().exclude(hinted_at__gt=lately).values_list("pk", flat=True))
    for search_id in due:
        hint_advance(search_id, now)
    return len(due)


def resolve_waiting(now: datetime) -> int:
    """Datasets that nobody has read yet, a while after they were created."""
    lately = now - timedelta(seconds=FIRST_RESEND_S)
    waiting = Dataset.objects.filter(state=Dataset.State.RESOLVING, created_at__lt=lately)
    waiting = waiting.exclude(lease_until__gt=now)
    due = list(waiting.values_list("pk", flat=True))
    for dataset_id in due:
        hint_resolve(dataset_id)
    return len(due)
