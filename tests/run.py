"""Run the whole suite the way continuous integration does, and say at the end what was skipped and why.

The suite runs on SQLite, and everything that touches the database runs again on PostgreSQL, beside it. It knows
nothing of single tests: a stage is a list of folders and the servers that stand beside them.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "build" / "tests"
PROGRESS_S = 30.0


@dataclass(frozen=True)
class Stage:
    name: str
    folders: tuple[str, ...]
    parts: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


DATABASE_FOLDERS = (
    "tests/unit/accounts",
    "tests/unit/experiences",
    "tests/unit/searches",
    "tests/api",
    "tests/worker",
)
COVER = ("--cov", "--cov-append", "--cov-report=")
# The longest first: what is left fills the other lane.
FULL = (
    Stage("postgres", DATABASE_FOLDERS, ("--postgres", "--redis"), ("-m", "not embedded")),
    Stage("unit", ("tests/unit",)),
    Stage("sqlite", ("tests/api", "tests/worker"), ("--redis",)),
    Stage("browser", ("tests/browser",)),
)
FAST = (Stage("fast", ("tests/unit", "tests/api"), options=("-m", "not training")),)


@dataclass
class Totals:
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def ran(self) -> int:
        """How many tests were run, well or not."""
        return self.passed + self.failed

    def add(self, report: Path) -> None:
        for case in ElementTree.parse(report).iter("testcase"):
            skip = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                self.failed += 1
            elif skip is not None:
                self.skipped[skip.get("message") or "no reason given"] += 1
            else:
                self.passed += 1


def install_chromium() -> None:
    """Install the browser where this may be done; elsewhere the browser tests skip by name and say how."""
    if os.environ.get("TUNELORE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests", flush=True)
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update"], check=False, **quiet)
        subprocess.run(
            ["apt-get", "install", "-y", "--no-install-recommends", "chromium"], check=False, **quiet
        )
    if not shutil.which("chromium"):
        print("No Chromium: the browser tests are skipped. Install it (Debian: apt-get install chromium),")
        print("or name one: TUNELORE_CHROMIUM=/path/to/chrome make test", flush=True)


def present(stage: Stage) -> list[str]:
    """The stage's folders that hold tests; where none does all of them, since pytest takes no folder for every one."""
    found = [folder for folder in stage.folders if any((ROOT / folder).rglob("test_*.py"))]
    return found or list(stage.folders)


def prepare(stage: Stage, options: Sequence[str]) -> tuple[list[str], Path]:
    """The command of a stage and where its report will be."""
    report = REPORTS / f"{stage.name}.xml"
    report.unlink(missing_ok=True)
    folders = present(stage)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        f"--junitxml={report}",
        *stage.options,
        *options,
        *folders,
    ]
    if stage.parts:
        command = [sys.executable, str(ROOT / "tests" / "parts.py"), *stage.parts, "--", *command]
    return command, report


@dataclass
class Running:
    """A stage at work: its process, what it prints, when it began."""

    stage: Stage
    process: subprocess.Popen[bytes]
    report: Path
    log: Path
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def progress(self) -> str:
        """The share that pytest printed last."""
        shares = re.findall(r"\[ *(\d+%)\]", self.log.read_text(encoding="utf-8", errors="replace"))
        return f"{self.stage.name} {shares[-1] if shares else 'begins'}"


def start(stage: Stage, options: Sequence[str]) -> Running:
    command, report = prepare(stage, options)
    log = report.with_suffix(".log")
    with log.open("wb") as file:
        return Running(
            stage, subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT), report, log
        )


def side_by_side(stages: Sequence[Stage], lanes: int, options: Sequence[str]) -> Iterator[Running]:
    """Every stage as it ends, `lanes` at a time; what is left is ended when the caller goes away."""
    waiting, running, said = list(stages), list[Running](), time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < lanes:
                running.append(start(waiting.pop(0), options))
            time.sleep(0.5)
            for one in [one for one in running if one.process.poll() is not None]:
                running.remove(one)
                yield one
            if running and time.monotonic() - said > PROGRESS_S:
                print("... " + ", ".join(one.progress() for one in running), flush=True)
                said = time.monotonic()
    finally:
        for one in running:
            one.process.terminate()
            one.process.wait()


def what_is_wrong(ended: Running, ran: int) -> str:
    """Why a stage has not passed, "" where it has. One that ran nothing has not, also where all was skipped."""
    if ended.process.returncode != 0:
        return f"exit {ended.process.returncode}"
    return "" if ran else "ran no tests"


def show(ended: Running, why: str) -> str:
    """What a stage printed, and its line in the summary."""
    print(f"\n=== {ended.stage.name}: {' '.join(present(ended.stage))}")
    print(ended.log.read_text(encoding="utf-8", errors="replace"), flush=True)
    return f"  {ended.stage.name:10} {ended.seconds:6.0f} s{'   FAILED' if why else ''}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fast", action="store_true", help="unit and api tests on SQLite, no real training")
    parser.add_argument("--cover", action="store_true", help="measure what is covered, which is slower")
    parser.add_argument("--lanes", type=int, default=2, help="how many stages at a time (2)")
    parser.add_argument("--stage", action="append", help="only this stage (may be repeated)")
    options = parser.parse_args()
    stages = FAST if options.fast else FULL
    if options.stage:
        stages = tuple(stage for stage in stages if stage.name in options.stage)
    REPORTS.mkdir(parents=True, exist_ok=True)
    if any(stage.name == "browser" for stage in stages):
        install_chromium()
    if options.cover:
        subprocess.run([sys.executable, "-m", "coverage", "erase"], cwd=ROOT, check=False)
    totals, broken, lines = Totals(), [], []
    # Stages that are covered append to one file, and so take turns.
    lanes = 1 if options.cover else options.lanes
    for ended in side_by_side(stages, lanes, COVER if options.cover else ()):
        before = totals.ran
        if ended.report.exists():
            totals.add(ended.report)
        why = what_is_wrong(ended, totals.ran - before)
        lines.append(show(ended, why))
        if why:
            broken.append(f"{ended.stage.name} ({why})")
    if options.cover:
        subprocess.run([sys.executable, "-m", "coverage", "report", "--skip-covered"], cwd=ROOT, check=False)
    print("\n=== summary\n" + "\n".join(lines))
    for reason, count in totals.skipped.most_common():
        print(f"  skipped {count:4}: {reason}")
    if broken:
        print(f"  not passed: {', '.join(broken)}")
    failed = max(totals.failed, len(broken))
    print(f"{totals.passed} passed, {failed} failed, {sum(totals.skipped.values())} skipped")
    return 1 if failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
