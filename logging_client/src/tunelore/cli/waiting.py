"""`tunelore status` and `tunelore show`: what is in the spool. Sends nothing, changes nothing."""

from __future__ import annotations

import argparse
import json
import sys
import time

from tunelore.cli.words import DONE, LEFT, printable, runs
from tunelore.record import canonical
from tunelore.settings import Settings
from tunelore.spool.outbox import REJECTED as REJECTED_FOLDER
from tunelore.spool.outbox import parcels, read_folder
from tunelore.spool.reader import SpoolFile


def status(options: argparse.Namespace, settings: Settings) -> int:
    """What runs, waits, was sent or was refused."""
    files = list(read_folder(settings.spool))
    rows = [row for stored in files for row in _rows(stored)]
    refused = sorted((settings.spool / REJECTED_FOLDER).glob("*.json"))
    print(f"Spool  {settings.spool}")
    print(f"Hub    {settings.url or 'none (set TUNELORE_URL)'}, mode {settings.mode}")
    if rows:
        print()
        print(f"{'run':36}  {'state':9}  {'outcome':8}  {'started (UTC)':19}  task")
        for row in rows:
            print("  ".join(row))
    waiting = sum(row[1].strip() == "waiting" for row in rows)
    running = sum(row[1].strip() == "running" for row in rows)
    print()
    print(f"{running} running, {waiting} waiting, {len(refused)} refused", end="")
    damaged = sum(stored.damaged for stored in files)
    print(f", {damaged} damaged lines skipped" if damaged else "")
    if refused:
        print(f"Refused records and the hub's answers: {settings.spool / REJECTED_FOLDER}")
    if waiting:
        print("Send what waits with: tunelore sync")
    return LEFT if waiting or refused else DONE


def _rows(stored: SpoolFile) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for run in stored.runs.values():
        record = run.record(stored.alive)
        state = stored.done.get(run.id) or ("running" if record is None else "waiting")
        outcome = (record or {}).get("outcome", {}).get("status", "")
        started = str(run.begin.get("started_at") or "")[:19].replace("T", " ")
        task = run.begin.get("task", {}).get("name") or ""
        rows.append((f"{run.id:36}", f"{state:9}", f"{outcome:8}", f"{started:19}", printable(task)))
    return rows


def show(options: argparse.Namespace, settings: Settings) -> int:
    """Print exactly what would be sent."""
    found = [parcel for parcel in parcels(settings.spool) if parcel.id.startswith(options.run.lower())]
    if not found:
        what = f"no waiting run whose id starts with {options.run!r}" if options.run else "nothing waits"
        print(f"tunelore: {what} in {settings.spool}", file=sys.stderr)
        return LEFT if options.run else DONE
    for parcel in found:
        if options.raw:
            sys.stdout.buffer.write(canonical(parcel.record) + b"\n")
        else:
            print(json.dumps(parcel.record, indent=2, ensure_ascii=True))
    size = sum(len(canonical(parcel.record)) for parcel in found)
    now = time.strftime("%H:%M:%S")
    print(f"{runs(len(found))}, {size:,} bytes; nothing was sent ({now})", file=sys.stderr)
    return DONE
