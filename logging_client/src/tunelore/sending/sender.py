"""A daemon thread that brings records to the hub: retries, back-off, heartbeats. Training never waits for it."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from tunelore import trouble
from tunelore.record import canonical
from tunelore.sending.hub import (
    DELIVERED,
    DROPPED,
    KEPT,
    MAX_BATCH,
    REFUSALS,
    REJECTED,
    RUNS,
    TIMEOUT_S,
    Hub,
    Report,
    batches,
    deliver,
    reason_of,
)
from tunelore.spool.outbox import Parcel
from tunelore.spool.sweeping import Leftovers

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0
BEAT_S = 30.0
PATIENCE_S = 1.0  # at the end of the process, for the answer of a hub that never gave one
ABOUT_THE_RUN = (*REFUSALS, 410)


class Sender:
    """`running` tells the partial records of the runs that have not ended."""

    def __init__(self, hub: Hub, folder: Path, running: Callable[[], list[dict[str, Any]]]) -> None:
        self._hub = hub
        self._folder = folder
        self._running = running
        self._waiting: deque[Parcel] = deque()
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._failures = 0
        self._not_before = 0.0
        self._asked_until = 0.0
        self._hurry = False
        self._beaten: dict[str, float] = {}
        self._asked_at: float | None = None
        self._answers = False
        self._done: set[str] = set()
        self._leftovers = Leftovers(folder)
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; records left by processes that are dead go first."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name="tunelore-sender", daemon=True)
            self._thread.start()

    def send(self, parcel: Parcel) -> None:
        """Take over one record; returns at once."""
        self._idle.clear()
        self._waiting.append(parcel)
        self._wake.set()

    def is_done(self, name: str) -> bool:
        """Whether the hub has, or has refused, this record."""
        return name in self._done

    def nudge(self) -> None:
        """There may be a run to announce."""
        self._wake.set()

    def flush(self, deadline: float) -> bool:
        """Wait until everything was tried once, or until `deadline` (of time.monotonic).

        Our own back-off is cut short for it, a hub's Retry-After is not. A hub that took a request and has left it
        without an answer is not waited for: it had its time while training went on.
        """
        if self._stopping or self._thread is None:
            return not self._waiting  # nobody is there who could send
        if self._waiting:
            self._idle.clear()
        self._hurry = True
        self._wake.set()
        while not self._idle.is_set():
            until = deadline
            if not self._answers and self._asked_at is not None:
                until = min(deadline, self._asked_at + PATIENCE_S)
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._idle.wait(min(left, 0.05))
        return True

    def stop(self) -> None:
        """Ask the thread to end; it is a daemon and not waited for."""
        self._stopping = True
        self._wake.set()

    def _work(self) -> None:
        with trouble.quietly("sender"):
            for parcel in self._leftovers.parcels():
                self.send(parcel)
        while not self._stopping:
            with trouble.quietly("sender"):
                self._turn()
            self._wake.wait(self._pause())
            self._wake.clear()

    def _pause(self) -> float:
        now = time.monotonic()
        if self._waiting and self._failures:
            return max(0.05, self._not_before - now)
        return BEAT_S / 3

    def _turn(self) -> None:
        if self._hurry:
            self._hurry = False
            self._not_before = self._asked_until
        if time.monotonic() < self._not_before:
            self._idle.set()
            return
        try:
            with trouble.quietly("announce"):
                self._announce()
            self._deliver()
        finally:
            # A flush that came during this turn wants one of its own.
            if not self._hurry and (not self._waiting or self._failures):
                self._idle.set()

    def _announce(self) -> None:
        """Say which runs are under way; an answer that is lost is repeated by the next heartbeat."""
        now = time.monotonic()
        for record in self._running():
            name = record["id"]
            if now - self._beaten.get(name, -BEAT_S) < BEAT_S:
                continue
            self._asked_at = time.monotonic()
            answer = self._hub.post(RUNS, canonical(record), TIMEOUT_S)
            self._heard(answer.status)
            self._beaten[name] = now
            if 200 <= answer.status < 300:
                self._failures = 0
            elif answer.status not in ABOUT_THE_RUN:
                self._back_off(answer.retry_after_s, reason_of(answer))
                return

    def _deliver(self) -> None:
        while self._waiting and time.monotonic() >= self._not_before:
            batch = batches(list(islice(self._waiting, MAX_BATCH)))[0]
            self._asked_at = time.monotonic()
            report = deliver(self._hub, batch)
            self._heard(report.status)
            self._settle(report)
            done = {parcel.id for parcel, verdict, _ in report.verdicts if verdict != KEPT}
            # Left to right, so that what send() appends meanwhile stays.
            for _ in range(len(batch)):
                parcel = self._waiting.popleft()
                if parcel.id not in done:
                    self._waiting.append(parcel)
            if report.of(KEPT):
                self._back_off(report.wait_s, report.reason)
            else:
                self._failures = 0
        if not self._waiting:
            self._leftovers.sweep()

    def _heard(self, status: int) -> None:
        self._answers, self._asked_at = status != 0, None

    def _settle(self, report: Report) -> None:
        self._done |= {parcel.id for parcel, verdict, _ in report.verdicts if verdict != KEPT}
        for verdict in (DELIVERED, DROPPED):
            for parcel, _ in report.of(verdict):
                self._leftovers.settle(parcel, verdict)
        for parcel, answer in report.of(REJECTED):
            trouble.note(
                "rejected",
                f"the hub refused run {parcel.id} ({answer['status']}); see rejected/ in the spool",
            )
            self._leftovers.reject(parcel, answer)

    def _back_off(self, asked_s: float | None, reason: str) -> None:
        """Twice as long each time, with some chance in it so that many clients do not come back at once."""
        trouble.note("network", f"runs wait in {self._folder} for the hub or for `tunelore sync`: {reason}")
        wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(self._failures, 10)) * (0.5 + random.random())  # noqa: S311
        self._failures += 1
        self._asked_until = time.monotonic() + (asked_s or 0.0)
        self._not_before = max(time.monotonic() + wait, self._asked_until)
