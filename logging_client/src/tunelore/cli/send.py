"""`tunelore sync` sends what waits; `tunelore log run.json` takes runs that somebody wrote down. Knows no trainer."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from tunelore.cli.look import DONE, LEFT, WRONG_USE, runs
from tunelore.sending.hub import DELIVERED, DROPPED, KEPT, REJECTED, Hub, batches, deliver
from tunelore.settings import Settings
from tunelore.spool.file import SpoolWriter
from tunelore.spool.outbox import REJECTED as REJECTED_FOLDER
from tunelore.spool.outbox import Parcel, parcels, refused, reject, settle
from tunelore.spool.sweeping import sweep
from tunelore.written import NotARun, records_in

MAX_BYTES = 100_000_000
LINE_EVERY_S = 2.0  # where progress is no terminal's line that is written over


def sync(options: argparse.Namespace, settings: Settings) -> int:
    """Send everything that waits in the spool folder."""
    if settings.url is None:
        print("tunelore: no hub to send to; set TUNELORE_URL or give --url http://...", file=sys.stderr)
        return WRONG_USE
    waiting = parcels(settings.spool)
    if options.refused:
        waiting += refused(settings.spool)
    if not waiting:
        sweep(settings.spool)  # what was settled while its process still lived
        print(f"Nothing waits in {settings.spool}")
        return DONE
    return send(waiting, settings)


def send(waiting: Sequence[Parcel], settings: Settings) -> int:
    """Send these parcels to the hub of the settings; exit code 1 where something stays or was refused."""
    if settings.url is None:
        return WRONG_USE
    hub = Hub(settings.url, settings.token, settings.visibility)
    print(f"Sending {runs(len(waiting))} to {settings.url}", flush=True)
    counted = {DELIVERED: 0, DROPPED: 0, REJECTED: 0, KEPT: 0}
    progress = Progress(len(waiting))
    done, why = 0, ""
    for batch in batches(waiting):
        before = done
        reason, wait_s = _send_batch(hub, batch, settings.spool, counted)
        why = reason or why
        done = sum(counted[one] for one in (DELIVERED, DROPPED, REJECTED))
        if reason and done == before:
            break  # it is the hub, not a record that a proxy refuses
        progress.at(done)
    progress.end()
    if why:
        later = f" Try again in {wait_s:.0f} s." if wait_s else ""
        left = len(waiting) - done
        stay = f"{runs(left)} {'stays' if left == 1 else 'stay'} in {settings.spool}"
        print(f"tunelore: {why}. {stay}.{later}", file=sys.stderr)
        return LEFT
    sweep(settings.spool)
    extra = f", {counted[DROPPED]} deleted there before" if counted[DROPPED] else ""
    print(f"{counted[DELIVERED]} delivered{extra}, {counted[REJECTED]} refused")
    return LEFT if counted[REJECTED] else DONE


class Progress:
    """How far sending is, on standard error: one line that is written over on a terminal, else a line now and then."""

    def __init__(self, total: int, out: TextIO | None = None) -> None:
        self._total = total
        self._out = sys.stderr if out is None else out
        self._last = time.monotonic()
        self._open = False

    def at(self, done: int) -> None:
        """So many are done."""
        text = f"  {done:,} of {self._total:,}"
        if self._out.isatty():
            self._out.write(f"\r{text}")
            self._out.flush()
            self._open = True
        elif time.monotonic() - self._last >= LINE_EVERY_S:
            self._last = time.monotonic()
            print(text, file=self._out, flush=True)

    def end(self) -> None:
        """Leave the terminal's line to who writes next."""
        if self._open:
            self._out.write("\n")


def _send_batch(
    hub: Hub, batch: list[tuple[Parcel, bytes]], folder: Path, counted: dict[str, int]
) -> tuple[str, float | None]:
    report = deliver(hub, batch)
    for parcel, verdict, answer in report.verdicts:
        counted[verdict] += 1
        if verdict == REJECTED:
            reject(parcel, folder, answer)
            where = folder / REJECTED_FOLDER / f"{parcel.id}.json"
            print(f"  refused ({answer['status']}): {parcel.id}, kept in {where}", file=sys.stderr)
        elif verdict != KEPT:
            settle(parcel, verdict)
            (folder / REJECTED_FOLDER / f"{parcel.id}.json").unlink(missing_ok=True)
    return (report.reason or "not everything was taken" if report.of(KEPT) else ""), report.wait_s


def log(options: argparse.Namespace, settings: Settings) -> int:
    """Everything or nothing: where one file is wrong, no run of any is logged."""
    records: list[dict[str, Any]] = []
    for name in options.files:
        try:
            records += records_in(_text(name))
        except (NotARun, OSError, ValueError) as error:
            what = getattr(error, "strerror", None) or error
            print(f"tunelore: {name}: {what}. Nothing was logged.", file=sys.stderr)
            return WRONG_USE
    if settings.mode == "disabled":
        print("tunelore: TUNELORE_MODE is disabled, so nothing was logged", file=sys.stderr)
        return DONE
    waiting, failed = _spooled(records, settings)
    if failed:
        print(f"tunelore: {failed} not logged: no room or no right to write", file=sys.stderr)
        return LEFT
    for parcel in waiting:
        print(parcel.id)
    if settings.sends:
        return send(waiting, settings)
    print(f"{runs(len(waiting))} in {settings.spool}; send with: tunelore sync", file=sys.stderr)
    return DONE


def _text(name: str) -> str:
    if name == "-":
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        with Path(name).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise NotARun(f"is over {MAX_BYTES:,} bytes; log it in parts")
    return data.decode("utf-8-sig")


def _spooled(records: list[dict[str, Any]], settings: Settings) -> tuple[list[Parcel], int]:
    """What waits of these records now, each once, and how many of them the disk did not take."""
    known = {parcel.id: parcel for parcel in parcels(settings.spool)}
    writer = SpoolWriter(settings.spool, settings.visibility)
    found, failed = [], 0
    for record in records:
        name = str(record["id"]).lower()
        parcel = known.get(name)
        if parcel is None or parcel.record != record:
            if not writer.append({"kind": "end", "run": name, "record": record}, durable=True):
                failed += 1
                continue
            parcel = known[name] = Parcel(name, record, writer.path, settings.visibility)
        if parcel not in found:
            found.append(parcel)
    writer.close()
    return found, failed
