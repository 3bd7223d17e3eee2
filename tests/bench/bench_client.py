"""What the logging client costs a training, beside the callbacks of MLflow, W&B (offline) and Trackio.

- a log call of five values every 5 ms, each tracker writing where it writes by default;
- a whole 30-step training with a hub where nobody listens, and with one that takes everything and never answers;
- processor seconds of our hooks and threads beside a fine-tuning's, and the wall ratio of interleaved pairs;
- 32 processes x 1,000 runs into one folder: lost, doubled; 480 plain runs and 20 Trainers killed with signal 9.

The peers live in an environment of their own under build/, made at first use. Trackers take turns in the same minutes.
Prints tables, writes build/bench/client.json; each part is kept and not measured again while the code stays what it
was (--fresh measures again). `--quick` takes about four minutes on two idle cores, all of it about half an hour.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import platform
import random
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from client import counts  # noqa: E402
from client.trackers import (  # noqa: E402
    LIMIT_S,
    PEERS,
    dead_hub,
    measured,
    peers_python,
    silent_hub,
    willing_hub,
)
from tunelore import __version__, describe  # noqa: E402

from tests.bench import results  # noqa: E402

OWN = "tunelore"
SEED = 12
KEPT = ROOT / "build" / "bench" / "client"
LIMITS = {
    "p50_ms": 0.03, "p99_ms": 0.2, "dead_hub_added_s": 0.1, "cpu_share": 0.005,
    "lost": 0, "doubled": 0, "wrong_outcome": 0,
}  # fmt: skip
UNSHOWN = ("pairs_s", "wrong", "over", "code", "took_s", "exit_codes")
Row = dict[str, Any]
Rows = list[Row]


def pythons() -> dict[str, Path]:
    """Our own interpreter for us, the peers' for them; without peers a line says why."""
    own = Path(sys.executable)
    peers, reason = peers_python()
    if peers is None:
        print(f"without peers: {reason}", file=sys.stderr)
        return {OWN: own}
    return {OWN: peers, **dict.fromkeys(PEERS, peers)}


def log_calls(quick: bool) -> Rows:
    """Rounds in which each tracker has its turn; the median round counts."""
    rounds, calls = (1, 400) if quick else (3, 2000)
    found: dict[str, Rows] = {}
    trackers = pythons()
    for _ in range(rounds):
        for tracker, python in trackers.items():
            found.setdefault(tracker, []).append(measured(python, "logs", tracker, calls, 0.005))
    names = ("p50_ms", "p99_ms", "max_ms")
    return [
        {"tracker": tracker, "calls": calls, "rounds": rounds}
        | {name: statistics.median(row[name] for row in rows) for name in names}
        for tracker, rows in found.items()
    ]


def dead_hubs(quick: bool) -> Rows:
    """What a tracker adds to a training of 30 steps whose hub does not answer.

    `added_s` is wall time from before the callback is made until the process is gone, over that of the run without a
    tracker just before: the median of the rounds. `held_s` is the part of it in which hooks and exit hooks held the
    run up; the rest is what work in the background takes from the training. A peer that had to be stopped at the
    limit once is not waited for again.
    """
    rounds, limit_s = {OWN: 2 if quick else 5}, 15.0 if quick else LIMIT_S
    trackers, rows = pythons(), []
    for kind in ("refused", "silent"):
        found: dict[str, list[tuple[Row, Row]]] = {}
        for number in range(rounds[OWN]):
            none = _with_hub(kind, trackers[OWN], "none", limit_s)
            for tracker, python in trackers.items():
                before = found.setdefault(tracker, [])
                if number < rounds.get(tracker, 1 if quick else 3) and not any(
                    one["over"] for one, _ in before
                ):
                    before.append((_with_hub(kind, python, tracker, limit_s), none))
        rows += [_added(kind, tracker, pairs) for tracker, pairs in found.items()]
    return [{**row, "limit_s": limit_s} for row in rows]


def _added(kind: str, tracker: str, pairs: list[tuple[Row, Row]]) -> Row:
    ended = [(one, none) for one, none in pairs if not one["over"]]
    # Where a tracker raised, there was no training whose time could be compared.
    whole = [one["took_s"] - none["took_s"] for one, none in ended if not one["raised"]]
    held = [one["hooks_s"] + one["exit_s"] for one, _ in ended]
    return {
        "hub": kind, "tracker": tracker, "rounds": len(pairs),
        "added_s": statistics.median(whole) if whole else None,
        "least_s": min(whole, default=None), "most_s": max(whole, default=None),
        "held_s": statistics.median(held) if held else None,
        "stopped": len(pairs) - len(ended),
        "raised": sorted({one["raised"] for one, _ in ended} - {""}),
        "steps": min((one["steps"] for one, _ in ended), default=0),
    }  # fmt: skip


def _with_hub(kind: str, python: Path, tracker: str, limit_s: float) -> dict[str, Any]:
    if kind == "refused":
        return measured(python, "train", tracker, 30, hub=dead_hub(), limit_s=limit_s)
    with silent_hub() as url:
        return measured(python, "train", tracker, 30, hub=url, limit_s=limit_s)


def cpu(quick: bool) -> Rows:
    """A fine-tuning of a MiniLM's shape, 300 rows and 3 epochs, a log call a step.

    The statistics of the rows are made once for a data set, the landmark among them in a process of its own (its
    seconds beside), so the first run on it and the next ones are told apart; the bar is over both. Before each, the
    spool has the files of 500 processes that are gone.
    """
    rows, epochs, found = 300, 1 if quick else 3, []
    with tempfile.TemporaryDirectory() as spool, willing_hub() as hub:
        for which in ("first", "next"):
            counts.left_behind(Path(spool), 500)
            one = measured(
                Path(sys.executable),
                "share",
                rows,
                epochs,
                hub=hub,
                limit_s=3600,
                TUNELORE_SPOOL=spool,
            )
            landmark_s = None
            if which == "first":
                landmark_s = measured(Path(sys.executable), "landmark", rows)["landmark_s"]
            found.append({"run": which, "rows": rows, "epochs": epochs, **one, "landmark_s": landmark_s})
    return found


def pairs(quick: bool) -> Rows:
    """Wall seconds with over without, of interleaved pairs: geometric mean with a bootstrap interval."""
    count = 3 if quick else 10
    found = measured(Path(sys.executable), "pairs", count, 12, limit_s=3600)["pairs_s"]
    ratios = [math.log(ours / none) for ours, none in found]
    draw = random.Random(SEED)
    means = sorted(statistics.fmean(draw.choices(ratios, k=len(ratios))) for _ in range(4000))
    low, high = means[100], means[-101]
    return [{"pairs": count, "ratio": math.exp(statistics.fmean(ratios)), "low_95": math.exp(low),
             "high_95": math.exp(high), "pairs_s": found}]  # fmt: skip


def many(quick: bool) -> Rows:
    return [counts.many(32, 60 if quick else 1000)]


def kills(quick: bool) -> Rows:
    return [counts.kills(*((60, 4) if quick else (480, 20)), SEED)]


PARTS: dict[str, Callable[[bool], Rows]] = {
    "log_calls": log_calls, "dead_hubs": dead_hubs, "cpu": cpu, "pairs": pairs, "many": many, "kills": kills,
}  # fmt: skip


def kept(name: str, quick: bool, fresh: bool) -> Rows:
    """The part's rows, measured now or, by the same code, before."""
    sources = [
        *(ROOT / "logging_client/src").rglob("*.py"),
        *Path(__file__).parent.glob("client/*.py"),
        Path(__file__),
    ]
    key = hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(sources))).hexdigest()[:16]
    target = KEPT / f"{name}-{'quick' if quick else 'full'}-{key}.json"
    if target.exists() and not fresh:
        rows: Rows = json.loads(target.read_text(encoding="utf-8"))
        return rows
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    rows = PARTS[name](quick)
    for row in rows:
        row["load"] = describe.conditions(measure=False)["load"]
    results.write(rows, target)
    return rows


def bars_of(parts: dict[str, Rows]) -> dict[str, float]:
    """The measured figures that have a limit."""
    bars: dict[str, float] = {}
    for row in parts.get("log_calls", []):
        if row["tracker"] == OWN:
            bars |= {"p50_ms": row["p50_ms"], "p99_ms": row["p99_ms"]}
    added = [row["added_s"] for row in parts.get("dead_hubs", []) if row["tracker"] == OWN]
    if added:
        bars["dead_hub_added_s"] = max(LIMIT_S if one is None else one for one in added)
    if parts.get("cpu"):
        bars["cpu_share"] = max(row["cpu_share"] for row in parts["cpu"])
    for name, members in {
        "many": ["lost", "doubled"],
        "kills": ["wrong_outcome"],
    }.items():
        for row in parts.get(name, []):
            bars |= {member: row[member] for member in members}
    return bars


def show(name: str, rows: Rows) -> None:
    print(f"\n{name}")
    columns = [column for column in rows[0] if column not in UNSHOWN]
    cells = [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in [columns, *cells]:
        print("  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)))


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"
    return "-" if value is None or value == [] else str(value)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, runs and kills")
    parser.add_argument("--fresh", action="store_true", help="measure also what is kept")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part (may be repeated)")
    options = parser.parse_args()
    parts = {name: kept(name, options.quick, options.fresh) for name in options.only or PARTS}
    for name, rows in parts.items():
        show(name, rows)
    bars = bars_of(parts)
    print()
    for name, value in bars.items():
        print(
            f"  {name:18} {value:10.4f}   at most {LIMITS[name]}   {'ok' if value <= LIMITS[name] else 'MISSED'}"
        )
    report = {
        "machine": describe.system()["features"],
        "versions": {"python": platform.python_version(), OWN: __version__, **describe.system()["software"]},
        "seeds": [SEED],
        "quick": options.quick,
        "rows": [{"part": name, **row} for name, rows in parts.items() for row in rows],
        "bars": bars,
        "limits": LIMITS,
    }
    target = ROOT / "build" / "bench" / "client.json"
    results.write(report, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
