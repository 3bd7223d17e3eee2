"""Run one trial: claim it, train in a child process under a heartbeat, finish it, or give it back.

It knows nothing of what happens in the child. Start from run_trial.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections

from knowledgebase.core.availability import is_away
from knowledgebase.searches import bridge
from knowledgebase.searches.models import Trial
from knowledgebase.searches.services.sweep import end_lost
from knowledgebase.searches.services.trials import (
    LEASE_S,
    Beat,
    Claim,
    beat_trial,
    claim_trial,
    finish_trial,
    lose_trial,
    release_trial,
)

logger = logging.getLogger(__name__)

BEAT_EVERY_S = 2.0


@dataclass
class Heartbeat:
    """Called about once a second with the child's progress; writes every BEAT_EVERY_S; False stops the child."""

    claim: Claim
    is_stopping: Callable[[], bool]
    on_progress: Callable[[Mapping[str, object]], None] | None = None
    is_lost: bool = field(default=False, init=False)
    is_released: bool = field(default=False, init=False)
    _written: float = field(default=0.0, init=False)

    def __call__(self, progress: Mapping[str, object]) -> bool:
        if self.is_stopping():
            self.is_released = True
            return False
        if time.monotonic() - self._written < BEAT_EVERY_S:
            return True
        if self.on_progress is not None:
            self.on_progress(progress)
        beat = self._beat(progress)
        self.is_lost = not beat.is_ours
        return beat.is_ours and not beat.is_cancelled

    def _beat(self, progress: Mapping[str, object]) -> Beat:
        try:
            beat = beat_trial(self.claim, progress)
        except (InterfaceError, OperationalError) as error:
            # A database that is away for a moment costs no training; when it stays away the lease is gone.
            logger.warning("heartbeat of trial %s failed: %s", self.claim.trial_id, error)
            close_old_connections()  # a broken one would stay so
            silent = self._written and time.monotonic() - self._written > LEASE_S
            return Beat(is_ours=not silent, is_cancelled=False)
        self._written = time.monotonic()
        return beat


def run_trial(
    trial_id: UUID,
    worker: str,
    *,
    is_stopping: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Mapping[str, object]], None] | None = None,
) -> str:
    """Run a queued trial to its end; what became of it: skipped | done | released | refused | returned | lost.

    Safe to call twice for one trial: the second call finds nothing to claim.
    """
    claim = claim_trial(trial_id, worker)
    if claim is None:
        return "skipped"
    heartbeat = Heartbeat(claim, is_stopping, on_progress)
    try:
        ending = bridge.run_pipeline(trial_id, heartbeat)
    except Trial.DoesNotExist:
        logger.info("trial %s was deleted with its search before it began", trial_id)
        return "refused"
    except Exception:
        # Whatever broke here is ours (disk, database, a bug), not the pipeline's: the trial is tried again.
        logger.exception("trial %s could not be run", trial_id)
        if lose_trial(claim):
            return "returned"
        return "lost" if end_lost(claim) else "refused"
    if heartbeat.is_released:
        return "released" if release_trial(claim) else "refused"
    if heartbeat.is_lost or not finish_when_there(claim, ending):
        logger.warning("trial %s: result of attempt %d came too late and was refused", trial_id, claim.token)
        return "refused"
    return "done"


def finish_when_there(claim: Claim, ending: bridge.Ending) -> bool:
    """`finish_trial`, again while the database is away: that costs no training as long as the lease may still hold."""
    last = time.monotonic() + LEASE_S
    while True:
        try:
            return finish_trial(claim, ending)
        except (InterfaceError, OperationalError) as error:
            if not is_away(error) or time.monotonic() > last:
                raise
            logger.warning("the end of trial %s could not be written yet: %s", claim.trial_id, error)
            close_old_connections()  # a broken one would stay so
            time.sleep(BEAT_EVERY_S)
