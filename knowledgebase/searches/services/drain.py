"""Work through searches in this process, one trial at a time, without any broker: the rows are the queue.

It takes the same steps as the workers do, so what it leaves behind is what they would have left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from uuid import UUID

from knowledgebase.searches.models import Search, Trial
from knowledgebase.searches.services.advance import advance_search
from knowledgebase.searches.services.running import run_trial
from knowledgebase.searches.services.sweep import sweep

IDLE_S = 1.0
Notice = Callable[[Mapping[str, object]], None]


def drain_searches(
    search_ids: Sequence[UUID], worker: str, *, on_progress: Notice | None = None
) -> Iterator[Trial]:
    """Run queued trials of these searches in turn until all have ended; yields each trial that was done.

    Started again after a kill it goes on: a trial that was running then waits for its lease to end.
    """
    while unfinished := _unfinished(search_ids):
        worked = False
        # A trial that a killed process left comes back once its lease has ended, not only after all others.
        sweep()
        for search_id in unfinished:
            advance_search(search_id)
            trial = _next_queued(search_id)
            if trial is None:
                continue
            worked = True
            if run_trial(trial.pk, worker, on_progress=on_progress) == "done":
                yield Trial.objects.select_related("search__dataset").get(pk=trial.pk)
        if not worked and _unfinished(search_ids):
            # Everything left is running elsewhere or waits for a dead process' lease to end.
            time.sleep(IDLE_S)


def _unfinished(search_ids: Sequence[UUID]) -> list[UUID]:
    states = dict(Search.objects.filter(pk__in=search_ids).unfinished().values_list("pk", "state"))
    return [search_id for search_id in search_ids if search_id in states]


def _next_queued(search_id: UUID) -> Trial | None:
    return Trial.objects.filter(search=search_id, state=Trial.State.QUEUED).order_by("number").first()
