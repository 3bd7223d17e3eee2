"""Push one search on: start it, ask for the free slots, end it. Safe to call at any time, any number of times.

It knows nothing of samplers: the bridge turns rows into proposals. Start from advance_search.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from knowledgebase.searches import bridge
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.selectors import seconds_used
from knowledgebase.searches.services.hints import hint_resolve, hint_run

logger = logging.getLogger(__name__)


def advance_search(search_id: UUID) -> int:
    """Bring a search as far as its rows allow; how many trials were queued. Idempotent."""
    search = Search.objects.select_related("dataset", "owner").filter(pk=search_id).first()
    if search is None or search.is_finished:
        return 0
    if search.state == Search.State.QUEUED:
        start_search(search)
    try:
        return _advance_running(search_id)
    except bridge.Refused as refusal:
        fail_search(search, refusal.code, refusal.detail)
        return 0


def _advance_running(search_id: UUID) -> int:
    # What has to be imported and read is imported and read before the lock, not under it.
    context = bridge.load_context(search_id)
    with transaction.atomic():
        locked = Search.objects.select_for_update(of=("self",)).filter(pk=search_id).first()
        if locked is None:
            return 0
        if locked.state == Search.State.CANCELLING:
            return _settle_cancelled(locked)
        if locked.state != Search.State.RUNNING or context is None:
            return 0
        return _fill_slots(locked, context)


def start_search(search: Search) -> None:
    """Queued -> running, with the prior as it is now; waits while the dataset is still being read."""
    dataset = search.dataset
    if dataset.state == Dataset.State.RESOLVING:
        hint_resolve(dataset.pk)
        return
    if dataset.is_unusable:
        detail = dataset.problem.get("detail", f"the dataset was {dataset.state}")
        fail_search(search, f"dataset_{dataset.state}", str(detail))
        return
    try:
        start = bridge.prepare_start(search)
    except bridge.Refused as refusal:
        fail_search(search, refusal.code, refusal.detail)
        return
    # Two workers may come here at once: the first one's prior stays, the second one's update finds no row.
    Search.objects.filter(pk=search.pk, state=Search.State.QUEUED).update(
        state=Search.State.RUNNING,
        started_at=timezone.now(),
        language_models=list(start.language_models),
        prior=start.prior,
        prior_ids=list(start.prior_ids),
        prior_digest=start.prior_digest,
        prior_summary=start.prior_summary,
    )


def fail_search(search: Search, code: str, detail: str) -> None:
    """End a search that cannot run, with the reason."""
    logger.warning("search %s failed: %s", search.pk, detail)
    Search.objects.filter(pk=search.pk, state__in=Search.UNFINISHED).update(
        state=Search.State.FAILED,
        end_reason=code[:32],
        problem={"code": code, "detail": detail},
        ended_at=timezone.now(),
    )


def _fill_slots(search: Search, context: bridge.SearchContext) -> int:
    now = timezone.now()
    trials = list(search.trials.order_by("number"))
    active = sum(trial.state in (Trial.State.QUEUED, Trial.State.RUNNING) for trial in trials)
    reason = _spent(search, trials, now)
    added: list[Trial] = []
    if not reason:
        left = search.budget_trials - _counted(trials)
        free = min(search.slots - active, left)
        added = _queue(bridge.propose(context, search, trials, free), now) if free > 0 else []
        reason = "exhausted" if free > 0 and not added else ""
    elif reason == "seconds":
        active -= search.trials.filter(state=Trial.State.QUEUED).update(state=Trial.State.CANCELLED)
    if reason and not active and not added:
        _end(search, Search.State.DONE, reason, now)
    return len(added)


def _counted(trials: Sequence[Trial]) -> int:
    return sum(trial.state not in Trial.NEVER_RAN for trial in trials)


def _spent(search: Search, trials: Sequence[Trial], now: datetime) -> str:
    """Which part of the budget is used up, or ''."""
    if search.budget_seconds is not None and seconds_used(search, now) >= search.budget_seconds:
        return "seconds"
    return "trials" if _counted(trials) >= search.budget_trials else ""


def _queue(trials: Sequence[Trial], now: datetime) -> list[Trial]:
    """Write trials down, those that the gate skipped among them, and send those that are to run."""
    added = [trial for trial in Trial.objects.bulk_create(trials) if trial.state == Trial.State.QUEUED]
    hint_run([trial.pk for trial in added], now)
    return added


def _settle_cancelled(search: Search) -> int:
    """The last running trial has ended: so has the search."""
    if not search.trials.filter(state=Trial.State.RUNNING).exists():
        search.trials.filter(state=Trial.State.QUEUED).update(state=Trial.State.CANCELLED)
        _end(search, Search.State.CANCELLED, "user", timezone.now())
    return 0


def _end(search: Search, state: str, reason: str, now: datetime) -> None:
    search.state = state
    search.end_reason = reason
    search.ended_at = now
    search.save(update_fields=["state", "end_reason", "ended_at"])
    logger.info("search %s is %s (%s)", search.pk, state, reason)
