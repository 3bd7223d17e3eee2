"""Datasets that take long to read, each in a process of its own: the control worker starts it and goes on.

The row is the queue here too. Who reads holds a lease on it and prolongs it with what has arrived; when the process is
lost the sweep has it read again, and what was fetched is not fetched twice. It knows nothing of formats. Start from
`read_or_start`, which the worker calls, and `read_apart`, which is the process.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, close_old_connections
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from knowledgebase.searches import bridge
from knowledgebase.searches.models import Dataset
from knowledgebase.searches.services.datasets import resolve_dataset, settle_dataset

logger = logging.getLogger(__name__)

LEASE_S = 30.0
BEAT_EVERY_S = 1.0
MOST_ATTEMPTS = 3
MOST_READERS = 2
# What is smaller is read sooner than a process has started.
SHORT_BYTES = 8 * 2**20
MANAGE = Path(__file__).resolve().parents[3] / "manage.py"
_readers: dict[UUID, subprocess.Popen[bytes]] = {}


def read_or_start(dataset_id: UUID) -> str:
    """Read what is short at once, and start a process for the rest; the dataset's state, or what it waits for.

    Harmless when it comes twice: a dataset that is being read is left alone, and so is one that waits for its turn
    among MOST_READERS; the sweep asks again. Refused when MOST_ATTEMPTS processes were lost over it.
    """
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None or dataset.state != Dataset.State.RESOLVING or not is_long(dataset):
        return resolve_dataset(dataset_id)
    if dataset.lease_until is not None and dataset.lease_until > timezone.now():
        return "being read"
    if dataset.attempts >= MOST_ATTEMPTS:
        detail = (
            f"reading it was begun {dataset.attempts} times and each time the process was lost, for want of memory "
            "perhaps; take a smaller dataset, or ask the operator to look into the worker's log"
        )
        return settle_dataset(dataset, refusal("reader_lost", detail))
    return _start(dataset_id)


def is_long(dataset: Dataset) -> bool:
    """Whether other searches would notice that a dataset is read: what is fetched, and what is large."""
    if dataset.source == Dataset.Source.UPLOAD:
        files = [Path(settings.UPLOADS_FOLDER) / name for name in dataset.files.values()]
        size: int = sum(file.stat().st_size for file in files if file.is_file())
        return size > SHORT_BYTES
    return dataset.source != Dataset.Source.BUILTIN


def refusal(code: str, detail: str) -> dict[str, object]:
    return {
        "state": Dataset.State.REFUSED,
        "problem": {"code": code, "detail": detail, "field": "name"},
    }


def _start(dataset_id: UUID) -> str:
    for known, process in list(_readers.items()):
        if process.poll() is not None:
            del _readers[known]
    if dataset_id in _readers:
        return "being read"
    if len(_readers) >= MOST_READERS:
        return "waiting"
    command = [sys.executable, str(MANAGE), "read_dataset", str(dataset_id), "--parent", str(os.getpid())]
    _readers[dataset_id] = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    return "started"


@dataclass
class Lease:
    """Prolongs the claim on a dataset while it is read, in a thread; `end` is called when there is no use in going on.

    That is when the dataset is gone or somebody else's by now, when who started the process is gone (`is_orphan`),
    and after DATASET_TIMEOUT_S, which refuses the dataset.
    """

    dataset: Dataset
    end: Callable[[], None]
    is_orphan: Callable[[], bool]
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Lease:
        threading.Thread(target=self._keep, name="lease", daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()

    def _keep(self) -> None:
        deadline = time.monotonic() + settings.DATASET_TIMEOUT_S
        while not self._done.wait(BEAT_EVERY_S):
            try:
                if not self._goes_on(deadline):
                    self.end()
                    return
            except OperationalError as error:
                # A database that is away for a moment costs no download.
                logger.warning("lease of dataset %s could not be prolonged: %s", self.dataset.pk, error)
            finally:
                close_old_connections()

    def _goes_on(self, deadline: float) -> bool:
        if self.is_orphan():
            give_back(self.dataset)
            return False
        if time.monotonic() > deadline:
            detail = (
                f"it could not be fetched and read within {settings.DATASET_TIMEOUT_S} s. Try again, what has arrived "
                "is kept; or the operator raises TUNELORE_DATASET_TIMEOUT_S"
            )
            settle_dataset(self.dataset, refusal("timeout", detail))
            return False
        self.dataset.fetched_bytes = max(self.dataset.fetched_bytes or 0, bridge.arriving_bytes(self.dataset))
        kept = mine(self.dataset).update(
            lease_until=timezone.now() + timedelta(seconds=LEASE_S), fetched_bytes=self.dataset.fetched_bytes
        )
        return kept == 1


def mine(dataset: Dataset) -> QuerySet[Dataset]:
    """The row as long as it is this attempt's."""
    return Dataset.objects.filter(pk=dataset.pk, state=Dataset.State.RESOLVING, attempts=dataset.attempts)


def give_back(dataset: Dataset) -> None:
    """Whoever comes next need not wait for the lease to run out, and no attempt is counted."""
    mine(dataset).update(lease_until=None, attempts=F("attempts") - 1)


def claim_reading(dataset_id: UUID) -> Dataset | None:
    """The dataset, for one process at a time; None when it is read already, by somebody else or is gone."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    claimed = Dataset.objects.filter(free, pk=dataset_id, state=Dataset.State.RESOLVING).update(
        lease_until=now + timedelta(seconds=LEASE_S), attempts=F("attempts") + 1
    )
    return Dataset.objects.filter(pk=dataset_id).first() if claimed else None


def read_apart(
    dataset_id: UUID, *, end: Callable[[], None], is_orphan: Callable[[], bool] = lambda: False
) -> str:
    """Read a dataset under a lease; its state after that, "skipped" when somebody else reads it.

    `end` ends this process, from a thread: a library that reads files cannot be asked to stop. An error that nobody
    foresaw leaves the row with its lease, to be tried again.
    """
    dataset = claim_reading(dataset_id)
    if dataset is None:
        return "skipped"
    with Lease(dataset, end, is_orphan):
        return resolve_dataset(dataset_id)
