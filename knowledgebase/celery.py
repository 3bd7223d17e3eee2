"""The Celery application: it moves hints between processes; what has to be done stands in the rows.

It knows no job by name but the periodic sweep. Two kinds of worker listen: `control` (with the scheduler, never
blocked by training) and `trials` (threads, each with one child process in training).
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any
from uuid import uuid4

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "knowledgebase.settings")

from celery import Celery
from celery.signals import beat_embedded_init
from django.conf import settings
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

PR_SET_PDEATHSIG = 1
SWEEP_EVERY_S = 15.0
POLL_EVERY_S = 0.2
STOP_WITHIN_S = 0.5

logger = logging.getLogger(__name__)


class FolderChannel(filesystem.Channel):
    """Messages as files, written whole or not at all.

    kombu's own channel opens the final name before it writes, so a reader that polls in between takes an
    empty message and its worker dies of it; and it moves messages through the system's temporary folder,
    which is no atomic step between two file systems.
    """

    def _put(self, queue: str, payload: object, **_options: object) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        name = uuid4().hex
        hidden = folder / f".{name}"
        hidden.write_text(dumps(payload))  # type: ignore[no-untyped-call]
        hidden.rename(folder / f"{int(monotonic() * 1000):015d}_{name}.{queue}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        folder = Path(self.data_folder_in)
        for name in sorted(name for name in os.listdir(folder) if name.partition(".")[2] == f"{queue}.msg"):
            taken = folder / f".taken-{uuid4().hex}"
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:
                continue  # another worker was quicker
            text = taken.read_text()
            taken.unlink()
            try:
                return loads(text)  # type: ignore[no-untyped-call]
            except json.JSONDecodeError:
                logger.warning(
                    "message %s of queue %s is damaged and was dropped; the sweep repeats it", name, queue
                )
        raise Empty


class FolderTransport(filesystem.Transport):
    """kombu's folder transport with the channel above."""

    Channel = FolderChannel

    def drain_events(self, connection: Any, timeout: float | None = None, **_options: Any) -> None:
        # The worker looks for a stop only between two of these, and once more after it has seen it.
        soon = None if timeout is None else min(timeout, STOP_WITHIN_S)
        super().drain_events(connection, soon)  # type: ignore[no-untyped-call]


@beat_embedded_init.connect  # type: ignore[untyped-decorator]
def die_with_worker(**_context: object) -> None:
    """The scheduler's process must not outlive a control worker that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


app = Celery("knowledgebase")
app.config_from_object("django.conf:settings", namespace="CELERY")
if settings.CELERY_BROKER_URL.startswith("filesystem://"):
    app.conf.broker_url = "filesystem://localhost//"  # kombu warns of an address without a host
    app.conf.broker_transport = "knowledgebase.celery:FolderTransport"
    app.conf.broker_transport_options |= {"polling_interval": POLL_EVERY_S}
app.conf.update(
    event_serializer="json",
    # A job that died with its worker is found by the sweep, in rows. Acknowledging early keeps Redis from
    # delivering a training that outlasts its visibility timeout a second time.
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    task_routes={"knowledgebase.searches.jobs.run_trial": {"queue": "trials"}},
    beat_schedule={
        "sweep": {
            "task": "knowledgebase.searches.jobs.sweep",
            "schedule": SWEEP_EVERY_S,
            "options": {"expires": SWEEP_EVERY_S},
        }
    },
    # The default keeps its schedule in a pickle; ours has one entry and needs no memory.
    beat_scheduler="celery.beat:Scheduler",
)
app.autodiscover_tasks(related_name="jobs")
