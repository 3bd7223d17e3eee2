"""Fetch what a run needs, then run it: for workers, which may use the network; the child may not.

The time of fetching is the machine's, not the pipeline's: no limit and no cost of the run counts it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from automl.errors import SourceError
from automl.runners.abilities import cannot_measure
from automl.runners.base import TrialProgress, TrialResult, TrialSpec
from automl.runners.execute import conditions, load_average, now
from automl.runners.process import Progress, run
from automl.sources.fetching import fetch_dataset, fetch_language_model
from automl.sources.hub.store import HubStore, Interrupted

logger = logging.getLogger(__name__)
REPORT_S = 1.0


def fetch_and_run(
    spec: TrialSpec, store: HubStore, on_progress: Progress, objectives: Sequence[str] = ()
) -> TrialResult:
    """As `process.run`. What cannot be fetched ends the run as an error of the surroundings (cause download), and so
    does, before anything else, an objective by which this machine cannot judge it (cause infrastructure)."""
    started = now()
    for name in objectives:
        if reason := cannot_measure(name, device=spec.device, powercap=spec.powercap):
            logger.warning("a run by %s could not begin on this machine: %s", name, reason)
            return _not_run(spec, started, "error", "infrastructure", "NoMeter")
    try:
        fetch(spec, replace(store, go_on=_Reported(on_progress)))
    except Interrupted:
        return _not_run(spec, started, "killed", "user")
    except SourceError as error:
        logger.warning("a run could not begin: %s", error.message)
        return _not_run(spec, started, "error", "download", "SourceError")
    return run(spec, on_progress)


def fetch(spec: TrialSpec, store: HubStore) -> None:
    """Bring everything of the HF Hub that a run names to this machine."""
    if spec.pipeline.language_model:
        fetch_language_model(spec.pipeline.language_model, store)
    fetch_dataset(spec.dataset, store)


class _Reported:
    """Says once a second that files are being fetched; the caller's False ends it."""

    def __init__(self, on_progress: Progress) -> None:
        self.on_progress = on_progress
        self.last = time.monotonic()

    def __call__(self) -> bool:
        moment = time.monotonic()
        if moment - self.last < REPORT_S:
            return True
        self.last = moment
        return self.on_progress(TrialProgress(phase="download", seconds=0.0))


def _not_run(
    spec: TrialSpec, started: str, status: str, cause: str, exception: str | None = None
) -> TrialResult:
    return TrialResult(
        status=status,
        started_at=started,
        finished_at=now(),
        phase="load",
        cause=cause,
        exception=exception,
        conditions=conditions(spec, load_average()),
    )
