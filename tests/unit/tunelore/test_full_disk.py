"""A disk that is really full: training goes on, one line says so, and what fits in memory still reaches the hub."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import sys
from tunelore import TuneLoreCallback
class State:
    is_world_process_zero, global_step, epoch = True, 0, 0.0
callback, state = TuneLoreCallback(task="full disk", exit_s=20), State()
callback.on_train_begin(None, state, None)
for number in range(1, 6):
    callback.on_step_begin(None, state, None)
    state.global_step, state.epoch = number, number / 5
    callback.on_step_end(None, state, None)
    callback.on_log(None, state, None, logs={"loss": 1.0 / number})
callback.on_evaluate(None, state, None, metrics={"eval_accuracy": 0.5})
callback.on_train_end(None, state, None)
print("trained")
"""
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


def train_on_a_full_disk(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Mounts 64 KiB of its own, fills them, and trains with the spool there."""
    disk = folder / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=64k,mode=0700 tmpfs {disk}"
    if shutil.which("unshare") is None or subprocess.run([*UNSHARE, mount], capture_output=True).returncode:
        message = "this system lets no user mount a file system of their own"
        if os.environ.get("TUNELORE_REQUIRE_PARTS"):
            pytest.fail(message)
        pytest.skip(message)
    (folder / "train.py").write_text(SCRIPT)
    fill = f"mkdir {disk}/spool; dd if=/dev/zero of={disk}/filler bs=4k 2>/dev/null"
    command = f"{mount} && {{ {fill}; exec {sys.executable} {folder}/train.py; }}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TUNELORE_")}
    environment = {**kept, "TUNELORE_SPOOL": f"{disk}/spool", **variables}
    return subprocess.run([*UNSHARE, command], env=environment, capture_output=True, text=True, timeout=120)


def test_training_goes_on_and_lines_say_so_and_what_was_lost(tmp_path: Path) -> None:
    done = train_on_a_full_disk(tmp_path)
    assert (done.returncode, done.stdout) == (0, "trained\n")
    at_once, at_the_end = done.stderr.splitlines()
    assert "No space left on device" in at_once
    assert "Training is not affected" in at_once
    assert "1 run was kept in memory only" in at_the_end


def test_the_record_reaches_the_hub_from_memory(tmp_path: Path, hub: Any) -> None:
    done = train_on_a_full_disk(tmp_path, TUNELORE_URL=hub.url, TUNELORE_TOKEN="tl_x")
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert done.stderr.count("\n") == 1
    ((record,),) = hub.uploads()
    assert record["outcome"]["status"] == "ok"
    assert record["metrics"]["validation"] == {"accuracy": 0.5}
