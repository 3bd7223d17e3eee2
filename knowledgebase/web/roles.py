"""The command lines of the hub's processes, by role: web, control, trials.

One place for `serve`, which starts them all on one machine, and for `process`, which becomes one of them. It starts
nothing itself.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

PYTHON = (sys.executable, "-m")
CELERY = (*PYTHON, "celery", "--app", "knowledgebase", "worker", "--loglevel", "INFO")
QUIET = ("--without-gossip", "--without-mingle")


@dataclass(frozen=True)
class Place:
    """Where a process listens, and how wide it works."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    slots: int = 2


def web(place: Place) -> list[str]:
    """The web server: `workers` processes of 8 threads."""
    command = [*PYTHON, "gunicorn", "knowledgebase.wsgi:application", "--bind", f"{place.host}:{place.port}"]
    command += ["--worker-class", "gthread", "--workers", str(place.workers), "--threads", "8"]
    return [*command, "--graceful-timeout", "5"]


def control(_place: Place) -> list[str]:
    """The worker that keeps searches going, with the scheduler. Never blocked by training; one a hub."""
    command = [*CELERY, *QUIET, "--queues", "control", "--hostname", "control@%h"]
    return [*command, "--pool", "solo", "--beat"]


def trials(place: Place) -> list[str]:
    """A worker that trains, `slots` pipelines at a time; as many of them as there are devices."""
    command = [*CELERY, *QUIET, "--queues", "trials", "--hostname", "trials@%h"]
    return [*command, "--pool", "threads", "--concurrency", str(place.slots)]


ROLES: Mapping[str, Callable[[Place], list[str]]] = {"web": web, "control": control, "trials": trials}


def worker_name(role: str) -> str:
    """What a Celery worker of this machine calls itself."""
    return f"{role}@{socket.gethostname()}"
