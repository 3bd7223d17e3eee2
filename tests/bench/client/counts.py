"""Many processes, and processes that are killed: what the hub holds afterwards against what there was."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunelore.record import uuid7
from tunelore.spool.file import encode, header
from tunelore.written import records_in

from client.hub import experiences, running_hub
from client.trackers import environment_of

MANY = """
import sys
import tunelore
process, runs = sys.argv[1:]
for number in range(int(runs)):
    with tunelore.run(f"{process}/{number}", method="full", exit_s=5) as run:
        run.log(loss=1.0, step=number)
        run.finish({"accuracy": 0.5})
"""
KILLED = """
import sys, time
import tunelore
with tunelore.run("killed", "hub:someone/encoder", "full") as run:
    print(run.id, flush=True)
    for step in range(1, 61):
        run.log({"loss": 1 / step, "eval_accuracy": 0.25}, step=step)
        time.sleep(0.01)
    print("ending", flush=True)
    run.finish({"accuracy": 0.5})
print("done", flush=True)
time.sleep(60)
"""
KILLED_TRAINER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from child import TINY, TINY_MORE, trainer
from tunelore import TuneLoreCallback
callback = TuneLoreCallback("killed", kind="text-classification")
class Step:
    def __getattr__(self, name): return lambda *_, **__: None
    def on_train_end(self, *_, **__): print("ending", flush=True)
    def on_step_begin(self, args, state, *_, **__):
        if state.global_step == 0: print(callback.run_id, flush=True)
        time.sleep(0.05)
trainer([Step(), callback], {**TINY, **TINY_MORE}, rows=64, length=16, batch=8, max_steps=40).train()
from tunelore import exits
exits.close_all(30)
print("done", flush=True)
time.sleep(60)
"""

RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Killed:
    """A run by its id; whether its process had begun to end it, and had ended it, before it was killed."""

    id: str
    ending: bool
    done: bool


def sync(folder: Path, url: str, token: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tunelore.cli", "sync", "--url", url, "--token", token]
    return subprocess.Popen(command, env=environment_of(folder), stdout=subprocess.DEVNULL)


def many(processes: int, runs: int) -> dict[str, Any]:
    """Every second process sends while it runs; two synchronisations at once bring the rest, a third finds nothing."""
    with tempfile.TemporaryDirectory() as name, running_hub(Path(name) / "hub") as (url, token):
        folder = Path(name)
        began = time.monotonic()
        started = []
        for number in range(processes):
            sends = {"TUNELORE_URL": url, "TUNELORE_TOKEN": token} if number % 2 else {}
            command = [sys.executable, "-c", MANY, str(number), str(runs)]
            started.append(subprocess.Popen(command, env={**environment_of(folder), **sends}))
        codes = [process.wait(3600) for process in started]
        logged_s = time.monotonic() - began
        for process in [sync(folder, url, token) for _ in range(2)]:
            process.wait(3600)
        left = sync(folder, url, token).wait(3600)
        found = Counter(one["task"]["name"] for one in experiences(url, token))
    expected = {f"{process}/{number}" for process in range(processes) for number in range(runs)}
    return {
        "processes": processes,
        "runs": runs,
        "exit_codes": sorted(set(codes)),
        "logged_s": logged_s,
        "runs_a_second": processes * runs / logged_s,
        "left": left,
        "lost": len(expected - set(found)),
        "doubled": sum(found.values()) - len(found),
    }


def killed(code: str, folder: Path, after_s: float, *arguments: str) -> Killed:
    """Start, wait for the run's id, then so long, then signal 9."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=folder, env=environment_of(folder),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    name = next((line.strip() for line in process.stdout if RUN_ID.fullmatch(line.strip())), "never began")
    time.sleep(after_s)
    process.kill()
    rest, _ = process.communicate(timeout=60)
    return Killed(name, "ending" in rest, "done" in rest)


def kills(plain: int, trainers: int, seed: int) -> dict[str, Any]:
    """Runs killed at random moments from their first instant to after their end."""
    draw = random.Random(seed)
    here = str(Path(__file__).parent)
    with tempfile.TemporaryDirectory() as name, running_hub(Path(name) / "hub") as (url, token):
        folder = Path(name)
        with ThreadPoolExecutor(4) as pool:
            moments = [draw.uniform(0, 1.2) for _ in range(plain)]
            found = list(pool.map(lambda after: killed(KILLED, folder, after), moments))
        with ThreadPoolExecutor(2) as pool:
            moments = [draw.uniform(0, 5) for _ in range(trainers)]
            found += list(pool.map(lambda after: killed(KILLED_TRAINER, folder, after, here), moments))
        left = sync(folder, url, token).wait(600)
        stored = {one["id"]: one["outcome"] for one in experiences(url, token)}
    wrong = [one for one in found if not is_right(one, stored.get(one.id))]
    return {
        "killed": len(found),
        "done_before": sum(one.done for one in found),
        "left": left,
        "stored": len(stored),
        "wrong": [f"{one.id} {'done' if one.done else ''} {stored.get(one.id)}" for one in wrong],
        "wrong_outcome": len(wrong),
    }


def is_right(one: Killed, outcome: dict[str, Any] | None) -> bool:
    """One that ended is `ok`, one that had not begun to is killed and lost; in between it may be either."""
    if outcome is None:
        return False
    lost = (outcome["status"], outcome.get("cause")) == ("killed", "lost")
    return (outcome["status"] == "ok" and one.ending) or (lost and not one.done)


def left_behind(spool: Path, files: int) -> None:
    """Spool files of so many processes that are gone, each with an ended run that waits."""
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in range(files):
        name = uuid7()
        (record,) = records_in(
            json.dumps({"id": name, "task": f"left/{number}", "metrics": {"accuracy": 0.5}})
        )
        lines = [{**header(), "pid": 2**30 + number}, {"kind": "end", "run": name, "record": record}]
        (spool / f"{name}.jsonl").write_bytes(b"".join(map(encode, lines)))
