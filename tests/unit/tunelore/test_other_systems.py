"""What only Linux has is not needed: no /proc, no limits, no fork; on Windows no signal is ever sent to a process."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.unit.tunelore.processes import LOOP, finish, run_command, start

# What is taken away is what such a system lacks; the client itself is as it is.
BARE = """
import os, pathlib, signal, sys
sys.modules["resource"] = None
for name in ("fork", "register_at_fork", "getloadavg", "sched_getaffinity", "sysconf", "O_CLOEXEC", "nice"):
    if hasattr(os, name): delattr(os, name)
if hasattr(signal, "alarm"): del signal.alarm
def closed(call):
    def barred(path, *more, **named):
        if str(path).startswith(("/proc", "/sys", "/etc/machine-id")): raise FileNotFoundError(path)
        return call(path, *more, **named)
    return barred
pathlib.Path.open, os.readlink = closed(pathlib.Path.open), closed(os.readlink)
there = pathlib.Path.exists
pathlib.Path.exists = lambda path: not str(path).startswith("/proc") and there(path)
"""
# A signal 0 is Ctrl-C to a whole console there.
WINDOWS = """
import tunelore.callback, tunelore.cli
sys.platform = "win32"
def kill(*_): raise AssertionError("a process would be ended")
os.kill = kill
"""
SYSTEMS = {"bare": BARE, "windows": BARE + WINDOWS}
READ = """
from tunelore.spool.outbox import parcels
for parcel in parcels(pathlib.Path(os.environ["TUNELORE_SPOOL"])):
    print(parcel.record["outcome"]["status"], parcel.record["outcome"].get("cause"))
"""
ROWS = "[(f'note {n} says {n % 2}', str(n % 2)) for n in range(32)]"


def read(system: str, folder: Path) -> list[str]:
    """What would be sent from there, as that system sees it."""
    done = run_command([sys.executable, "-c", system + READ], folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_run_is_recorded_and_warns_of_nothing(tmp_path: Path, system: str) -> None:
    body = f"train(lambda number: None, dataset={ROWS}, kind='text-classification', exit_s=20)"
    code, errors, (one,) = finish(SYSTEMS[system] + LOOP + body, tmp_path)
    assert (code, errors) == (0, "")
    assert one["outcome"]["status"] == "ok"
    assert one["task"]["metafeatures"]["values"]["instances"] == 32
    assert one["system"]["features"]["memory_bytes"] is None
    assert read(SYSTEMS[system], tmp_path) == ["ok None"]


@pytest.mark.parametrize(("system", "told"), [("bare", ["killed lost"]), ("windows", [])])
def test_a_killed_run_is_settled_at_once_or_after_its_silence(
    tmp_path: Path, system: str, told: list[str]
) -> None:
    body = """
def step(number):
    if number == 3:
        print("now", flush=True)
        time.sleep(60)
train(step)
"""
    process = start(SYSTEMS[system] + LOOP + body, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    assert read(SYSTEMS[system], tmp_path) == []
    process.kill()
    process.communicate(timeout=30)
    assert read(SYSTEMS[system], tmp_path) == told
    (path,) = (tmp_path / "spool").glob("*.jsonl")

    silent = time.time() - 3 * 3600
    os.utime(path, (silent, silent))
    assert read(SYSTEMS[system], tmp_path) == ["killed lost"]


def test_another_machine_of_such_a_system_is_not_this_one(tmp_path: Path) -> None:
    """Else a process that lives there would count as dead here, where nobody has its number."""
    other = "import platform\nplatform.node = lambda: 'another'\n"
    body = "from tunelore.spool.file import place\nprint(place())"
    places = {
        run_command([sys.executable, "-c", BARE + more + body], tmp_path).stdout for more in ("", other, "")
    }
    assert len(places) == 2
