"""One process's runs on their way from memory to disk, and on to the sender. Knows no trainer and no HTTP."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from tunelore import trouble
from tunelore.record import check, check_run
from tunelore.runs.outcome import Outcome
from tunelore.runs.repair import repaired
from tunelore.runs.run import Run, fitting
from tunelore.sending.hub import Hub
from tunelore.sending.sender import Sender
from tunelore.settings import Settings
from tunelore.spool.file import SpoolWriter
from tunelore.spool.outbox import Parcel
from tunelore.spool.sweeping import sweep

Prepare = Callable[[], dict[str, Any]]
Late = Callable[[], "dict[str, Any] | None"]  # None: not yet
TICK_S = 0.5
LAST_TICK_S = 0.02
PROGRESS_S = 2.0
QUIET_S = 60.0  # a line a minute at least, so that other machines see that the process lives
MAX_UNWRITTEN = 1_000  # records in memory that the disk did not take
AGAIN_S = 5.0
MOMENT_S = 0.1  # at most, at start and end of a run: a process killed in the next instant is then told right
LAST_S = 0.2  # for the disk, where the hub took all the time
GRACE_S = 30.0  # evaluations after training belong to the run when they follow within this time


class _Entry:
    """A run with what is still to be done for it outside of the training thread."""

    def __init__(self, run: Run, early: Prepare, late: Late) -> None:
        self.run = run
        self.early: Prepare | None = early
        self.late = late
        self.begun = False
        self.on_disk = False
        self.closing = False
        self.written_at = 0.0
        self.fresh: list[dict[str, Any]] = []
        self.known = threading.Event()
        self.ended = threading.Event()


class Session:
    """Open runs of one process and one spool folder; a daemon thread does everything that takes time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pid = os.getpid()
        self.closed = False
        self._entries: list[_Entry] = []
        self._unwritten: deque[dict[str, Any]] = deque(maxlen=MAX_UNWRITTEN)
        self._tried_at = 0.0
        self._lock = threading.RLock()
        self._writer = SpoolWriter(settings.spool, settings.visibility)
        self._sender: Sender | None = None
        if settings.sends and settings.url is not None:
            hub = Hub(settings.url, settings.token, settings.visibility)
            self._sender = Sender(hub, settings.spool, self._running)
        self._wake = threading.Event()
        self._calm = threading.Event()
        self._sent = threading.Event()
        self._dropped: set[str] = set()
        self._thread: threading.Thread | None = None

    # -- the thread that trains ---------------------------------------------------------------------------------

    def open(self, run: Run, early: Prepare, late: Late) -> None:
        """Take over a run. `early` gives facts before it is announced, `late` those that take longer, at its end."""
        living = {thread.ident for thread in threading.enumerate()}
        for entry in self._open_entries():
            # One thread trains one model after the other; runs of others, and those that somebody holds, go on.
            if not entry.run.held and (entry.run.thread == run.thread or entry.run.thread not in living):
                self._release(entry)
        entry = _Entry(run, early, late)
        with self._lock:
            self._entries.append(entry)
        self._start()
        self._wake.set()
        entry.known.wait(MOMENT_S)

    def release(self, run: Run) -> None:
        """Nobody has more to say about this run: its record is written and sent by the threads."""
        for entry in self._open_entries():
            if entry.run is run:
                self._release(entry)
                self._wake.set()
                entry.ended.wait(MOMENT_S)

    def fail_open_runs(self, outcome_of: Callable[[Run], Outcome], thread: int | None) -> None:
        """An exception ended the training of this thread (None: of every thread)."""
        for entry in self._open_entries():
            if thread is None or entry.run.thread == thread:
                entry.run.fail(outcome_of(entry.run))

    def suspect_open_runs(self, outcome_of: Callable[[Run], Outcome]) -> None:
        """The process was asked to end: how its runs end unless they come to their own end."""
        for entry in self._open_entries():
            entry.run.suspected = outcome_of(entry.run)
            entry.written_at = -math.inf  # for the next line on disk; a scheduler's SIGKILL may follow

    def close(self, deadline: float) -> None:
        """Finish every run and try to send it, until `deadline` (of time.monotonic); what is left waits on disk.

        The session's threads end with it.
        """
        self.closed = True
        self._writer.until = deadline
        for entry in self._open_entries():
            self._release(entry)
        if self._thread is not None and self._thread.is_alive():
            self._calm.clear()
            self._wake.set()
            if self._open_entries():
                self._calm.wait(max(0.0, 0.7 * (deadline - time.monotonic())))
        for entry in self._open_entries():
            self._finish(entry)
            entry.ended.wait(max(0.0, deadline - time.monotonic()))  # unless the thread is just writing it
        if self._sender is not None:
            if not self._sender.flush(deadline):
                where = f"runs wait in {self.settings.spool} for the hub or for `tunelore sync`"
                trouble.note("network", f"{where}: no answer in time")
            self._sender.stop()
        self._sent.set()
        self._wake.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(max(LAST_S, deadline - time.monotonic()))
        else:
            self._end()
        self._say_lost()

    def _say_lost(self) -> None:
        with self._lock:
            lost = {line["run"] for line in self._unwritten} | self._dropped
            self._unwritten.clear()
            self._dropped.clear()
        lost = {name for name in lost if self._sender is None or not self._sender.is_done(name)}
        if lost:
            runs = "1 run was" if len(lost) == 1 else f"{len(lost)} runs were"
            what = f"{runs} kept in memory only and lost"
            trouble.note("lost", f"{what}: make room in the spool folder, or set TUNELORE_URL")

    def _open_entries(self) -> list[_Entry]:
        with self._lock:
            return list(self._entries)

    @staticmethod
    def _release(entry: _Entry) -> None:
        if not entry.run.trained:
            entry.run.left()
        entry.closing = True

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="tunelore-spool", daemon=True)
            self._thread.start()
        if self._sender is not None:
            self._sender.start()

    # -- the background thread ----------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            for entry in self._open_entries():
                entry.run.own_time.update()
                with trouble.quietly("session"):
                    self._attend(entry)
                entry.run.own_time.update()
            if all(entry.begun and not entry.closing for entry in self._open_entries()):
                self._calm.set()
            if self.closed and not self._open_entries():
                return self._end()
            if self._unwritten and time.monotonic() - self._tried_at > AGAIN_S:
                self._write_again()
            tick = LAST_TICK_S if self.closed else TICK_S
            self._wake.wait(tick if self._open_entries() else AGAIN_S if self._unwritten else None)
            self._wake.clear()

    def _end(self) -> None:
        """What takes the disk its time, or for ever: nobody waits for this beyond the deadline."""
        with trouble.quietly("spool"):
            self._write_again()
            self._writer.flush()
            self._sent.wait()
            self._writer.close()
            sweep(self.settings.spool, [self._writer.path], keep=self._writer.path)

    def _attend(self, entry: _Entry) -> None:
        self._begin(entry)
        run = entry.run
        run.sample_memory()
        entry.fresh += run.absorb()
        now = time.monotonic()
        over = run.trained and now - run.touched > GRACE_S
        if entry.closing or over or run.outcome is not None:
            # Only the end of the process is worth waiting for what is late; it has a deadline.
            if not self.closed or entry.late() is not None:
                self._finish(entry)
        elif now - entry.written_at > (PROGRESS_S if entry.fresh else QUIET_S):
            entry.written_at = now
            if run.meet_devices() or not entry.on_disk:
                self._announce(entry)
            points, entry.fresh = entry.fresh, []
            self._writer.append({"kind": "progress", "run": run.id, **run.progress(points)})

    def _begin(self, entry: _Entry) -> None:
        if entry.begun:
            return
        # Known to the disk before what takes time: a process killed in its first seconds is a run too.
        self._announce(entry)
        early, entry.early = entry.early, None
        if early is not None:
            with trouble.quietly("dataset"):
                entry.run.facts.update(early())
        self._announce(entry)
        entry.written_at = entry.written_at or time.monotonic()
        entry.begun = True
        if self._sender is not None:
            self._sender.nudge()

    def _announce(self, entry: _Entry) -> None:
        with trouble.quietly("announce"):
            record = repaired(entry.run.partial(), check_run)
            line = {"kind": "begin", "run": entry.run.id, "record": record}
            first, entry.on_disk = not entry.on_disk, self._writer.append(line)
            entry.known.set()  # it outlives the process now; to outlive the power takes the disk its time
            if first:
                self._writer.flush()
        entry.known.set()

    def _finish(self, entry: _Entry) -> None:
        """Write the final record once, with what has become known by now."""
        with trouble.quietly("landmark"):
            entry.run.facts.update(entry.late() or {})
        if not entry.run.claim():
            return
        try:
            line = self._write_end(entry.run)
        finally:  # whatever went wrong, nobody waits for this run any more
            with self._lock:
                self._entries.remove(entry)
            entry.ended.set()
        # Not in the thread that has a deadline: the other one does it at its end.
        mine = threading.current_thread() is self._thread
        if line is not None and mine and not self._writer.flush():
            self._keep(line)

    def _keep(self, line: dict[str, Any]) -> None:
        """In memory, since the disk did not take it."""
        with self._lock:
            if len(self._unwritten) == MAX_UNWRITTEN:
                self._dropped.add(self._unwritten[0]["run"])
                what = f"the disk takes no runs and memory keeps {MAX_UNWRITTEN} only, so the oldest fall out"
                trouble.note("memory", f"{what}: make room in the spool folder, or set TUNELORE_URL")
            self._unwritten.append(line)

    def _write_end(self, run: Run) -> dict[str, Any] | None:
        """The line that the disk took, None where it did not."""
        record = run.least()
        with trouble.quietly("record"):
            record = run.final()
        problems = check(record)
        if problems:
            trouble.note("record", f"left out what no hub would take: {problems[0]}")
            if trouble.raise_errors:
                raise AssertionError([str(problem) for problem in problems])
            record = fitting(repaired(record, check))
        line = {"kind": "end", "run": run.id, "record": record}
        written = self._writer.append(line)
        if not written:
            self._keep(line)
        if self._sender is not None:
            source = self._writer.path if written else None
            self._sender.send(Parcel(run.id, record, source, self.settings.visibility))
        return line if written else None

    def _write_again(self) -> None:
        """A disk that was full may have room now; a record that the hub has by then is sent once more, as the same."""
        self._tried_at = time.monotonic()
        with self._lock:
            waiting = list(self._unwritten)
            self._unwritten.clear()
        for line in waiting:
            if self._sender is not None and self._sender.is_done(line["run"]):
                continue
            if not self._writer.append(line, durable=True):
                self._keep(line)

    def _running(self) -> list[dict[str, Any]]:
        return [
            repaired(entry.run.partial(), check_run)
            for entry in self._open_entries()
            if entry.begun and not entry.closing and entry.run.outcome is None
        ]


_sessions: dict[Settings, Session] = {}
_sessions_lock = threading.RLock()


def session(settings: Settings) -> Session:
    """The session of this very process for these settings; one that was inherited by a fork is left alone."""
    with _sessions_lock:
        found = _sessions.get(settings)
        if found is None or found.closed or found.pid != os.getpid():
            found = _sessions[settings] = Session(settings)
        return found


def own_sessions() -> list[Session]:
    """The sessions that belong to this process."""
    return [one for one in list(_sessions.values()) if one.pid == os.getpid()]


def renew_lock() -> None:
    """In a child that was forked off while a thread of its parent held the lock."""
    global _sessions_lock
    _sessions_lock = threading.RLock()
