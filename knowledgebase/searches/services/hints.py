"""Sends the messages of this app, always after commit; losing or doubling any of them costs seconds only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F

from knowledgebase.core.queue import enqueue_on_commit
from knowledgebase.searches.models import Search, Trial

ADVANCE = "knowledgebase.searches.jobs.advance_search"
RESOLVE = "knowledgebase.searches.jobs.resolve_dataset"
RUN = "knowledgebase.searches.jobs.run_trial"


def hint_resolve(dataset_id: UUID) -> None:
    """A control worker should read this dataset."""
    enqueue_on_commit(RESOLVE, str(dataset_id))


def hint_advance(search_id: UUID, now: datetime) -> None:
    """A control worker should look at this search."""
    Search.objects.filter(pk=search_id).update(hinted_at=now)
    enqueue_on_commit(ADVANCE, str(search_id))


def hint_run(trial_ids: Sequence[UUID], now: datetime) -> None:
    """A trials worker should try to claim these trials."""
    Trial.objects.filter(pk__in=trial_ids, state=Trial.State.QUEUED).update(sent_at=now, sends=F("sends") + 1)
    for trial_id in trial_ids:
        enqueue_on_commit(RUN, str(trial_id))
