"""Many processes: distributed training, launchers that fork, locks held in the moment of a fork."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tunelore.spool.outbox import read_folder

from tests.unit.tunelore.processes import TRAINER, finish, outcome, run_command, start, waiting

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

GLOO = """
import sys
def at(step):
    if step == FAIL_AT and whole.args.process_index == FAIL_IN: raise ValueError("a secret")
whole = trainer(num_train_epochs=1, eval_strategy="epoch", ddp_backend="gloo")
whole.train()
sys.stdout.write(f"rank {whole.args.process_index} of {whole.args.world_size}\\n")
# Else gloo's threads may still run when the interpreter goes, and the process aborts now and then.
if torch.distributed.is_initialized(): torch.distributed.destroy_process_group()
"""


def launched(
    folder: Path, *launcher: str, body: str = GLOO, **fail: int
) -> tuple[int, str, list[dict[str, Any]]]:
    """A script under a launcher: exit code, output, the records that wait."""
    chosen = {"FAIL_AT": -1, "FAIL_IN": 0, **fail}
    for name, value in chosen.items():
        body = body.replace(name, str(value))
    (folder / "train.py").write_text(TRAINER + body)
    done = run_command([sys.executable, "-m", *launcher, "train.py"], folder)
    return done.returncode, done.stdout + done.stderr, waiting(folder)


TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def test_two_processes_of_torchrun_are_one_run(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    code, output, found = launched(tmp_path, *TORCHRUN)
    assert code == 0, output
    assert "rank 1 of 2" in output
    (one,) = found
    assert outcome(one) == ("ok", None, None)
    assert (one["cost"]["batch_size_asked"], one["cost"]["batch_size_effective"]) == (8, 16)
    assert one["cost"]["steps"] == 4
    assert len(list(read_folder(tmp_path / "spool"))) == 1


def test_the_main_process_failing_under_torchrun(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    code, output, (one,) = launched(tmp_path, *TORCHRUN, FAIL_AT=2)
    assert code == 1
    assert "ValueError: a secret" in output
    assert outcome(one) == ("error", None, "ValueError")
    assert "secret" not in str(one)


def test_another_process_failing_under_torchrun_says_nothing_of_the_pipeline(tmp_path: Path) -> None:
    """The main process waits until the launcher's SIGTERM or gloo's own error ends that; neither is evidence."""
    pytest.importorskip("transformers")
    code, output, (one,) = launched(tmp_path, *TORCHRUN, FAIL_AT=2, FAIL_IN=1)
    assert code == 1
    assert "ValueError: a secret" in output
    assert outcome(one)[:2] in (("killed", "preempted"), ("error", None))


def test_accelerate_launch(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    command = ("accelerate.commands.launch", "--num_processes", "1", "--num_machines", "1", "--cpu")
    body = GLOO.replace(', ddp_backend="gloo"', "")
    code, output, (one,) = launched(tmp_path, *command, body=body)
    assert code == 0, output
    assert outcome(one)[0] == "ok"


DEBUG_LAUNCHER = """
import accelerate
def main():
    import tunelore
    place = accelerate.Accelerator(cpu=True)
    with tunelore.run("notebook", method="full") as run:
        run.log(loss=1.0)
        run.finish({"accuracy": 0.5})
    print("rank", place.process_index, "of", place.num_processes, flush=True)
accelerate.debug_launcher(main, num_processes=2)
"""


def test_a_notebooks_launcher_that_forks(tmp_path: Path) -> None:
    """Its children have the same RANK and end without exit hooks."""
    pytest.importorskip("accelerate")
    code, errors, (one,) = finish(DEBUG_LAUNCHER, tmp_path)
    assert code == 0, errors
    assert one["primary"]["value"] == 0.5


CHILD = """
import multiprocessing, sys
import tunelore
def work(kind):
    run = tunelore.run("child", method="full")
    run.log(loss=1.0)
    if kind == "well": run.finish({"accuracy": 0.5})
    if kind == "raises": raise ValueError("a secret")
    if kind == "leaves":
        try: [][1]
        except IndexError: sys.exit(1)
if __name__ == "__main__":
    child = multiprocessing.get_context(METHOD).Process(target=work, args=(KIND,))
    child.start()
    child.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("well", ("ok", None, None)),
        ("raises", ("error", None, "ValueError")),
        ("leaves", ("error", None, "IndexError")),
    ],
)
def test_a_child_of_multiprocessing(
    tmp_path: Path, method: str, kind: str, expected: tuple[str | None, ...]
) -> None:
    script = tmp_path / "work.py"
    script.write_text(CHILD.replace("METHOD", repr(method)).replace("KIND", repr(kind)))
    done = run_command([sys.executable, str(script)], tmp_path)
    assert done.returncode == 0, done.stderr
    (one,) = waiting(tmp_path)
    assert outcome(one) == expected
    assert "secret" not in str(one)


def test_a_fork_while_every_lock_of_ours_is_held(tmp_path: Path) -> None:
    """The child trains and ends by itself: a lock that a thread of its parent held would stop it for ever."""
    body = """
import os, threading, time
import tunelore
from tunelore import session, trouble
from tunelore.record import identity
tunelore.run("parent", method="full").finish({"accuracy": 0.5})
held, free = threading.Event(), threading.Event()
def hold():
    with session._sessions_lock, trouble._lock, identity._lock:
        held.set()
        free.wait()
threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if child == 0:
    with tunelore.run("child", method="full") as run: run.finish({"accuracy": 0.25})
    trouble.note("test", "a word")
    raise SystemExit(0)
_, status = os.waitpid(child, 0)
free.set()
assert status == 0
"""
    code, errors, found = finish(body, tmp_path)
    assert code == 0, errors
    assert sorted(one["primary"]["value"] for one in found) == [0.25, 0.5]


def test_eight_ranks_are_one_run(tmp_path: Path) -> None:
    body = "import tunelore\nwith tunelore.run('x') as run: run.finish({'accuracy': 1})"
    started = [start(body, tmp_path, RANK=str(rank), WORLD_SIZE="8") for rank in range(8)]
    assert [process.communicate(timeout=60) for process in started] == [("", "")] * 8
    (one,) = waiting(tmp_path)
    assert outcome(one)[0] == "ok"


def test_an_independent_rank_is_silent(tmp_path: Path) -> None:
    body = "import tunelore\nwith tunelore.run('x') as run: run.finish({'accuracy': 1})\nprint(run.id)"
    code, _, found = finish(body, tmp_path, RANK="1", WORLD_SIZE="2")
    assert (code, found) == (0, [])
    assert not (tmp_path / "spool").exists()
