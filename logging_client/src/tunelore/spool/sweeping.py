"""Removes the files of processes that are gone, once the hub has what they say. Sends nothing itself."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tunelore import trouble
from tunelore.spool.file import FORMAT
from tunelore.spool.outbox import (
    RUNNING,
    WAITING,
    Parcel,
    SpoolFile,
    done_path,
    parcels_of,
    read_files,
    read_folder,
    reject,
    settle,
    spool_files,
)


def sweep(folder: Path, among: Iterable[Path] | None = None, *, keep: Path | None = None) -> int:
    """Remove the files of dead processes of which every run is settled; how many were removed.

    `among`: look at these only. A file of which nothing is settled is not read.
    """
    removed = 0
    paths = spool_files(folder) if among is None else among
    for stored in read_files(path for path in paths if done_path(path).exists()):
        finished = not stored.alive or stored.path == keep
        settled = all(stored.state(run) not in (WAITING, RUNNING) for run in stored.runs.values())
        if finished and settled and _is_ours(stored):
            removed += _remove(stored.path)
    if among is None:
        _remove_orphans(folder)
    return removed


class Leftovers:
    """The files that dead processes left in a folder, each read once: nobody writes to them any more.

    A file goes with the last of its runs that is settled, and nothing is noted beside it first: a run whose file did
    not go after all is sent again, under the same id.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[Path | None, set[str]] = {}
        # Where more may come, or could not be kept elsewhere: what they say is read again before they go.
        self._unsure: set[Path] = set()

    def parcels(self) -> list[Parcel]:
        """What waits in them; those in which nothing does go."""
        sweep(self._folder)
        found = []
        for stored in read_folder(self._folder):
            if stored.alive:
                continue  # it sends its own; else each start of a job's many processes would send everything
            waiting = parcels_of(stored)
            if stored.ended and _is_ours(stored):
                self._waiting[stored.path] = {parcel.id for parcel in waiting}
            else:
                self._unsure.add(stored.path)
            found += waiting
        return found

    def settle(self, parcel: Parcel, verdict: str) -> None:
        """Of any parcel, a leftover's or not: note that it need not be sent again."""
        waiting = self._waiting.get(parcel.source)
        if waiting is not None and parcel.source is not None and waiting <= {parcel.id}:
            _remove(parcel.source)
            return
        settle(parcel, verdict)
        if waiting is not None:
            waiting.discard(parcel.id)

    def reject(self, parcel: Parcel, answer: dict[str, Any]) -> None:
        """Of any parcel: keep it with the hub's answer; its file stays where that failed."""
        reject(parcel, self._folder, answer)
        if self._waiting.pop(parcel.source, None) is not None and parcel.source is not None:
            self._unsure.add(parcel.source)

    def sweep(self) -> None:
        """When everything was sent: the files that had to be read again."""
        if self._unsure:
            sweep(self._folder, self._unsure)
            self._unsure.clear()


def _remove(path: Path) -> int:
    with trouble.quietly("spool"):
        path.unlink(missing_ok=True)
        done_path(path).unlink(missing_ok=True)
        return 1
    return 0


def _remove_orphans(folder: Path) -> None:
    """A verdict may come after its file is gone."""
    with trouble.quietly("spool"):
        for path in folder.glob("*.done"):
            if not path.with_suffix(".jsonl").exists():
                path.unlink(missing_ok=True)


def _is_ours(stored: SpoolFile) -> bool:
    """Never delete a file in which nothing could be read: it may be of a later version, or damaged.

    Nor one of a process that may only be stopped (elsewhere, or where the system does not tell, with its laptop), and
    has yet to write how its runs end.
    """
    ended = stored.ended or all(run.final is not None for run in stored.runs.values())
    return ended and bool(stored.runs) and stored.header.get("format") == FORMAT
