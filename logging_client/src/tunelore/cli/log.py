"""`tunelore log run.json`: runs that somebody wrote down, into the spool and on to the hub. Knows no trainer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tunelore.cli.sync import send
from tunelore.cli.words import DONE, LEFT, WRONG_USE, runs
from tunelore.settings import Settings
from tunelore.spool.outbox import Parcel
from tunelore.spool.writer import SpoolWriter
from tunelore.written import NotARun, records_in

MAX_BYTES = 100_000_000


def log(options: argparse.Namespace, settings: Settings) -> int:
    """Everything or nothing: where one file is wrong, no run of any is logged."""
    records: list[dict[str, Any]] = []
    for name in options.files:
        try:
            records += records_in(_text(name))
        except (NotARun, OSError, ValueError) as error:
            print(f"tunelore: {name}: {error}. Nothing was logged.", file=sys.stderr)
            return WRONG_USE
    if settings.mode == "disabled":
        print("tunelore: TUNELORE_MODE is disabled, so nothing was logged", file=sys.stderr)
        return DONE
    waiting = _spooled(records, settings)
    if len(waiting) < len(records):
        print(
            f"tunelore: {len(records) - len(waiting)} not logged: no room or no right to write",
            file=sys.stderr,
        )
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


def _spooled(records: list[dict[str, Any]], settings: Settings) -> list[Parcel]:
    """The records that the disk took."""
    writer = SpoolWriter(settings.spool)
    found = []
    for record in records:
        name = str(record["id"]).lower()
        if writer.append({"kind": "end", "run": name, "record": record}, durable=True):
            found.append(Parcel(name, record, writer.path))
    writer.close()
    return found
