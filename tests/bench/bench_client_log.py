"""How long one log call of the callback holds up training: p50 and p99 of on_log in milliseconds, no network.

Prints a table and writes build/bench/client_log.json. `--calls` log calls of five values, `--pause-ms` apart.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tunelore import TuneLoreCallback, __version__, describe, exits

BARS = {"p50_ms": 0.03, "p99_ms": 0.2}
VALUES = {"loss": 0.5, "grad_norm": 1.25, "learning_rate": 2e-5, "epoch": 0.5, "eval_accuracy": 0.75}


class State:
    """What a Trainer's state tells at a log call."""

    is_world_process_zero = True
    global_step = 0
    epoch = 0.0


def measure(calls: int, pause_s: float, folder: Path) -> dict[str, Any]:
    callback, state = TuneLoreCallback(task="bench", kind="text-classification", spool=folder), State()
    callback.on_train_begin(None, state, None)
    times = []
    for step in range(calls):
        state.global_step, state.epoch = step, step / calls
        before = time.perf_counter()
        callback.on_log(None, state, None, logs=VALUES)
        times.append((time.perf_counter() - before) * 1000)
        time.sleep(pause_s)
    callback.on_train_end(None, state, None)
    before = time.perf_counter()
    exits.close_all()
    times.sort()
    return {
        "calls": calls,
        "pause_ms": pause_s * 1000,
        "p50_ms": times[calls // 2],
        "p99_ms": times[calls * 99 // 100],
        "max_ms": times[-1],
        "at_end_ms": (time.perf_counter() - before) * 1000,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--pause-ms", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of 1,000 calls")
    options = parser.parse_args()
    os.environ["TUNELORE_MODE"] = "offline"
    rounds, calls = (1, 1000) if options.quick else (options.rounds, options.calls)
    rows = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(calls, options.pause_ms / 1000, Path(folder)))
    print(f"{'calls':>7} {'p50 ms':>9} {'p99 ms':>9} {'max ms':>9} {'at the end ms':>14}")
    for row in rows:
        print(f"{row['calls']:>7} {row['p50_ms']:>9.4f} {row['p99_ms']:>9.4f} {row['max_ms']:>9.3f}", end="")
        print(f" {row['at_end_ms']:>14.1f}")
    target = Path("build/bench/client_log.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": {**describe.system()["features"], "load": describe.conditions(measure=False)["load"]},
        "versions": {"python": platform.python_version(), "tunelore": __version__},
        "seeds": [],
        "rows": rows,
        "bars": BARS,
    }
    target.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
