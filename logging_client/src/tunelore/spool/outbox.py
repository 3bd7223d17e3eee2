"""What a spool folder holds of any process, the living included; what of it has to be sent, what became of what was.

Start with `parcels`. Sends nothing itself.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunelore import trouble
from tunelore.runs.measures import MAX_POINTS, Point, thinned
from tunelore.runs.outcome import Outcome
from tunelore.runs.run import fitting
from tunelore.spool.file import FORMAT, lives, place, read_lines

# Who cannot be asked (another machine, a container, a system that does not tell) writes a line a minute while it
# trains. Two hours, since its clock may be an hour off ours.
SILENT_S = 7200.0
REJECTED = "rejected"
# Sent for a run whose process fell silent; where that was only stopped, what it says itself goes out too.
LOST = "lost"
WAITING, RUNNING = "waiting", "running"
RUN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class StoredRun:
    """One run as the lines of a file tell it."""

    id: str
    begin: dict[str, Any]
    final: dict[str, Any] | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)

    def record(self, writer_lives: bool) -> dict[str, Any] | None:
        """The record to send; None while the run may still end by itself.

        A run whose process died without a word is `killed`, cause `lost`; it depends on the lines alone, so that
        everybody who settles it makes the same record.
        """
        if self.final is not None or writer_lives:
            return self.final
        step = self.progress.get("step")
        outcome = self.progress.get("outcome")  # what it was asked to end by
        outcome = outcome or Outcome("killed", self.progress.get("phase"), "lost", step=step).as_record()
        fidelity = {**(self.begin.get("fidelity") or {}), "epochs": self.progress.get("epoch")}
        record = {
            **self.begin,
            "finished_at": self.progress.get("at"),
            "fidelity": fidelity,
            "outcome": outcome,
            "metrics": self.progress.get("metrics") or {},
            "primary": None,
            "cost": self.progress.get("cost"),
            "curve": thinned(self.points, MAX_POINTS),
        }
        return fitting(record)


@dataclass
class SpoolFile:
    """A file's header, its runs, what the hub already has of them, and how many lines are damaged.

    `alive`: its process may still write; `ended`: it is known that it never will.
    """

    path: Path
    header: dict[str, Any]
    runs: dict[str, StoredRun]
    done: dict[str, str]
    damaged: int
    alive: bool
    ended: bool

    def state(self, run: StoredRun) -> str:
        """running, waiting, or what became of it: delivered, dropped, rejected, lost."""
        settled = self.done.get(run.id)
        if settled is not None and not (settled == LOST and (self.alive or run.final is not None)):
            return settled
        return RUNNING if self.alive and run.final is None else WAITING


def read_file(path: Path) -> SpoolFile:
    """Everything one file says; OSError where it cannot be read. A newer format is left alone: no runs."""
    header: dict[str, Any] = {}
    runs: dict[str, StoredRun] = {}
    damaged = 0
    with path.open("rb") as file:
        for payload in read_lines(file):
            if payload is None:
                damaged += 1
            elif payload.get("kind") == "spool":
                header = payload
            else:
                _apply(runs, payload)
    if header.get("format", FORMAT) != FORMAT:
        runs = {}
    known = _lives(header)
    alive = _written_lately(path) if known is None else known
    return SpoolFile(path, header, runs, read_done(path), damaged, alive, known is False)


def _apply(runs: dict[str, StoredRun], payload: Mapping[str, Any]) -> None:
    name, kind, record = payload.get("run"), payload.get("kind"), payload.get("record")
    if not isinstance(name, str) or RUN_ID.fullmatch(name) is None:
        return
    if kind == "begin" and isinstance(record, dict):
        runs.setdefault(name, StoredRun(name, record)).begin = record  # the later line knows more
    elif kind == "end" and isinstance(record, dict):
        runs.setdefault(name, StoredRun(name, record)).final = record
    elif kind == "progress" and name in runs:
        runs[name].points.extend(payload.get("points") or [])
        if len(runs[name].points) > 4 * MAX_POINTS:
            runs[name].points = thinned(runs[name].points, 2 * MAX_POINTS)
        runs[name].progress = {key: value for key, value in payload.items() if key != "points"}


def _lives(header: Mapping[str, Any]) -> bool | None:
    """Whether the writing process lives; None where nobody here can say."""
    if header.get("place") != place():
        return None
    return lives(int(header.get("pid") or 0), header.get("start"))


def _written_lately(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < SILENT_S
    except OSError:
        return False


def done_path(path: Path) -> Path:
    """The file beside a spool file that says which runs need not be sent again."""
    return path.with_suffix(".done")


def read_done(path: Path) -> dict[str, str]:
    """Run id -> delivered | dropped | rejected | lost."""
    try:
        lines = done_path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(" ") for line in lines)
    return {name: verdict for name, _, verdict in pairs if RUN_ID.fullmatch(name)}


def spool_files(folder: Path) -> list[Path]:
    """The spool files of a folder, oldest first; [] where there is no such folder."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [folder / name for name in names if name.endswith(".jsonl")]


@dataclass(frozen=True)
class Parcel:
    """One record on its way; `source` is its spool file, None where the disk would not take it.

    `visibility`: who may see it on the hub, as the process said that made it; None: it said nothing.
    `is_guess`: made by whoever looked, since its process fell silent; it yields to what that says itself.
    """

    id: str
    record: dict[str, Any]
    source: Path | None
    visibility: str | None = None
    is_guess: bool = False


def read_folder(folder: Path) -> Iterator[SpoolFile]:
    """Every readable spool file of the folder; others are counted."""
    return read_files(spool_files(folder))


def read_files(paths: Iterable[Path]) -> Iterator[SpoolFile]:
    """Each that is there and can be read; the unreadable are counted."""
    for path in paths:
        with trouble.quietly("spool"):
            try:
                stored = read_file(path)
            except FileNotFoundError:
                continue  # settled and removed by another process just now
            yield stored


def parcels(folder: Path) -> list[Parcel]:
    """Everything that waits, in the order it was made; of processes still training only their ended runs."""
    return [parcel for stored in read_folder(folder) for parcel in parcels_of(stored)]


def parcels_of(stored: SpoolFile) -> list[Parcel]:
    """What waits in one file."""
    return [
        Parcel(run.id, record, stored.path, stored.header.get("visibility"), run.final is None)
        for run in stored.runs.values()
        if stored.state(run) == WAITING and (record := run.record(stored.alive)) is not None
    ]


def settle(parcel: Parcel, verdict: str) -> None:
    """Note that a parcel need not be sent again: delivered, dropped or rejected; a guess only until more is known."""
    if parcel.source is None or RUN_ID.fullmatch(parcel.id) is None:
        return
    verdict = LOST if parcel.is_guess and verdict != "dropped" else verdict
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
        kept = {"answer": answer, "record": parcel.record, "visibility": parcel.visibility}
        text = json.dumps(kept, indent=1)
        temporary = target.with_suffix(f".{os.getpid()}.part")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, target)
        settle(parcel, "rejected")


def refused(folder: Path) -> list[Parcel]:
    """What lies in rejected/; files that cannot be read are counted."""
    found = []
    for path in sorted((folder / REJECTED).glob("*.json")):
        with trouble.quietly("spool"):
            kept = json.loads(path.read_text(encoding="utf-8"))
            found.append(Parcel(path.stem, kept["record"], None, kept.get("visibility")))
    return found
