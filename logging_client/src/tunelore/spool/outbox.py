"""What of a spool folder still has to be sent, and what became of what was. Sends nothing itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunelore import trouble
from tunelore.spool.reader import RUN_ID, SpoolFile, done_path, read_file, spool_files

REJECTED = "rejected"


@dataclass(frozen=True)
class Parcel:
    """One record on its way; `source` is its spool file, None where the disk would not take it."""

    id: str
    record: dict[str, Any]
    source: Path | None


def read_folder(folder: Path) -> Iterator[SpoolFile]:
    """Every readable spool file of the folder; others are counted."""
    for path in spool_files(folder):
        with trouble.quietly("spool"):
            try:
                stored = read_file(path)
            except FileNotFoundError:
                continue  # settled and removed by another process just now
            yield stored


def parcels(folder: Path, *, of_the_living: bool = True) -> list[Parcel]:
    """Everything that waits, in the order it was made; of processes still training only their ended runs, or none."""
    return [
        Parcel(run.id, record, stored.path)
        for stored in read_folder(folder)
        if of_the_living or not stored.alive
        for run in stored.runs.values()
        if run.id not in stored.done and (record := run.record(stored.alive)) is not None
    ]


def settle(parcel: Parcel, verdict: str) -> None:
    """Note that a parcel need not be sent again: delivered, dropped or rejected."""
    if parcel.source is None or RUN_ID.fullmatch(parcel.id) is None:
        return
    with trouble.quietly("spool"):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        file = os.open(done_path(parcel.source), flags, 0o600)
        try:
            os.write(file, f"{parcel.id} {verdict}\n".encode("ascii"))
        finally:
            os.close(file)


def reject(parcel: Parcel, folder: Path, answer: dict[str, Any]) -> None:
    """Keep a refused record with the hub's answer in rejected/, out of the way of the others."""
    with trouble.quietly("spool"):
        if RUN_ID.fullmatch(parcel.id) is None:
            return
        target = folder / REJECTED / f"{parcel.id}.json"
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = json.dumps({"answer": answer, "record": parcel.record}, indent=1)
        temporary = target.with_suffix(f".{os.getpid()}.part")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, target)
        settle(parcel, "rejected")


def sweep(folder: Path, *, keep: Path | None = None) -> int:
    """Remove the files of dead processes of which every run is settled; how many were removed."""
    removed = 0
    for stored in read_folder(folder):
        finished = not stored.alive or stored.path == keep
        if finished and all(name in stored.done for name in stored.runs) and _is_ours(stored):
            with trouble.quietly("spool"):
                stored.path.unlink(missing_ok=True)
                done_path(stored.path).unlink(missing_ok=True)
                removed += 1
    _remove_orphans(folder)
    return removed


def _remove_orphans(folder: Path) -> None:
    """A verdict may come after its file is gone."""
    with trouble.quietly("spool"):
        for path in folder.glob("*.done"):
            if not path.with_suffix(".jsonl").exists():
                path.unlink(missing_ok=True)


def _is_ours(stored: SpoolFile) -> bool:
    """Never delete a file in which nothing could be read: it may be of a later version, or damaged."""
    return bool(stored.runs) and stored.header.get("format") == 1
