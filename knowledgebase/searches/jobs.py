"""Celery's entry points: each takes an id, calls one service and is harmless when it comes twice or never.

It knows no rule of its own. Start from run_trial (queue `trials`); the others run in `control`.
"""

from __future__ import annotations

import os
import socket
import threading
from uuid import UUID

from celery.signals import worker_ready, worker_shutting_down
from django.db import close_old_connections
from django.utils import timezone

from knowledgebase.celery import app
from knowledgebase.searches import services

_stopping = threading.Event()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]  # celery ships no types
def note_stop(**_context: object) -> None:
    """Tell running heartbeats to give their trials back: a stop must not wait for a training."""
    _stopping.set()


@worker_ready.connect  # type: ignore[untyped-decorator]
def wake_queue(**_context: object) -> None:
    """Whatever was sent to a worker that died is sent again as soon as a fresh one is up."""
    services.resend_queued(timezone.now(), at_once=True)
    close_old_connections()


@app.task  # type: ignore[untyped-decorator]
def advance_search(search_id: str) -> int:
    """Bring a search on."""
    return services.advance_search(UUID(search_id))


@app.task  # type: ignore[untyped-decorator]
def resolve_dataset(dataset_id: str) -> str:
    """Read a dataset; what takes long is read in a process of its own, and this worker goes on."""
    return services.read_or_start(UUID(dataset_id))


@app.task  # type: ignore[untyped-decorator]
def run_trial(trial_id: str) -> str:
    """Run a trial, if it is still there to run."""
    if _stopping.is_set():
        return "stopping"
    return services.run_trial(UUID(trial_id), worker_name(), is_stopping=_stopping.is_set)


@app.task  # type: ignore[untyped-decorator]
def sweep() -> dict[str, int]:
    """Find what was left behind."""
    return services.sweep()


def worker_name() -> str:
    """Host, process and thread: for people who look for a trial's process; no rule depends on it."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.current_thread().name}"
