"""Reads spool files of any process, the living included, and tells what became of each run. Writes nothing."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunelore.runs.measures import MAX_POINTS, Point, thinned
from tunelore.runs.outcome import Outcome
from tunelore.runs.run import fitting
from tunelore.spool.format import FORMAT, lives, place, read_lines

# A process of another machine or container cannot be asked; it writes a line a minute while it trains. Two hours,
# since its clock may be an hour off ours, and a living run that is settled as lost is refused when it ends.
SILENT_S = 7200.0
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
        outcome = Outcome("killed", self.progress.get("phase"), "lost", step=step)
        fidelity = {**(self.begin.get("fidelity") or {}), "epochs": self.progress.get("epoch")}
        record = {
            **self.begin,
            "finished_at": self.progress.get("at"),
            "fidelity": fidelity,
            "outcome": outcome.as_record(),
            "metrics": self.progress.get("metrics") or {},
            "primary": None,
            "cost": self.progress.get("cost"),
            "curve": thinned(self.points, MAX_POINTS),
        }
        return fitting(record)


@dataclass
class SpoolFile:
    """A file's header, its runs, what the hub already has of them, and how many lines are damaged."""

    path: Path
    header: dict[str, Any]
    runs: dict[str, StoredRun]
    done: dict[str, str]
    damaged: int
    alive: bool


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
    return SpoolFile(path, header, runs, read_done(path), damaged, _alive(path, header))


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


def _alive(path: Path, header: Mapping[str, Any]) -> bool:
    if header.get("place") == place():
        return lives(int(header.get("pid") or 0), header.get("start"))
    try:
        return time.time() - path.stat().st_mtime < SILENT_S
    except OSError:
        return False


def done_path(path: Path) -> Path:
    """The file beside a spool file that says which runs need not be sent again."""
    return path.with_suffix(".done")


def read_done(path: Path) -> dict[str, str]:
    """Run id -> delivered | dropped | rejected."""
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
