"""Start, watch and stop the processes of one hub: web, control worker, trials worker.

It knows nothing of Django: a process is a name and a command line. Children die with their parent, also
when the parent is killed, so nothing is left running.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10.0
RESTART_SECONDS = 3.0


class PortInUse(Exception):
    """Something else listens there; the message names the port and what to do."""


class AlreadyServed(Exception):
    """Another process serves the same home folder."""


def check_port(host: str, port: int) -> None:
    """Raise PortInUse when nothing can listen at (host, port)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortInUse(
                f"port {port} on {host} cannot be used ({error.strerror}). "
                f"Stop what listens there, or choose another port: make serve PORT={port + 1}"
            ) from error


@contextlib.contextmanager
def sole_server(home: Path) -> Iterator[None]:
    """Hold the home folder's lock; the system frees it when the process ends, however it ends."""
    with (home / "serve.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise AlreadyServed(
                f"{home} is already served by process {lock.read().strip() or '(unknown)'}. Stop it first, "
                "or give this one a home of its own: TUNELORE_HOME=/another/folder"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One supervised process; its output goes to ``log``."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0

    def start(self, environment: Mapping[str, str]) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                # Its own group: Ctrl-C in a terminal reaches only the supervisor, which stops all in order.
                process_group=0,
                preexec_fn=_die_with_parent,  # safe: the supervisor has a single thread
            )
        self.started = time.monotonic()

    def is_dead(self) -> bool:
        return self.process is not None and self.process.poll() is not None


@dataclass
class Supervisor:
    """Keeps its children running until ``stop`` or a signal; a child that dies is started again."""

    children: list[Child]
    environment: Mapping[str, str]
    stopping: bool = field(default=False, init=False)

    def start(self) -> None:
        for child in self.children:
            child.start(self.environment)

    def request_stop(self, *_signal: object) -> None:
        self.stopping = True

    def watch(self) -> Iterator[Child]:
        """Block until a stop is requested; yield each child that died, before it is started again."""
        while not self.stopping:
            time.sleep(0.2)
            for child in self.children:
                if child.is_dead() and not self.stopping:
                    yield child
                    # A child that dies at once, for ever, must not burn the processor.
                    time.sleep(max(0.0, RESTART_SECONDS - (time.monotonic() - child.started)))
                    child.restarts += 1
                    child.start(self.environment)

    def stop(self) -> None:
        """End every child: asked first, killed after ``STOP_SECONDS``."""
        alive = [child.process for child in self.children if child.process and child.process.poll() is None]
        for process in alive:
            process.terminate()
        end = time.monotonic() + STOP_SECONDS
        for process in alive:
            try:
                process.wait(timeout=max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
