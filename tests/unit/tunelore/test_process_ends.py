"""Every way a process that trains can end, for real: exceptions, signals, memory, a plain exit, a fork."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tunelore.processes import LOOP, TRAINER, finish, outcome, start, until_begun, waiting


def test_a_run_that_ends_well(tmp_path: Path) -> None:
    code, errors, (one,) = finish(LOOP + "train(lambda number: None)", tmp_path)
    assert (code, errors) == (0, "")
    assert outcome(one) == ("ok", None, None)
    assert one["metrics"]["validation"] == {"accuracy": 0.5}


def test_an_exception_keeps_its_traceback_and_its_exit_code(tmp_path: Path) -> None:
    code, errors, (one,) = finish(LOOP + "train(lambda number: 1 / (3 - number))", tmp_path)
    assert code == 1
    assert errors.startswith("Traceback")
    assert errors.rstrip().endswith("ZeroDivisionError: division by zero")
    assert outcome(one) == ("error", None, "ZeroDivisionError")
    assert one["outcome"]["phase"] == "train"
    assert one["outcome"]["step"] == 2
    assert one["outcome"]["stack"].startswith("sha256:")
    assert [point["step"] for point in one["curve"]] == [1, 2]


def test_an_earlier_excepthook_is_called(tmp_path: Path) -> None:
    hook = "import sys\nsys.excepthook = lambda *_: print('mine', file=sys.stderr)\n"
    code, errors, (one,) = finish(hook + LOOP + "train(lambda number: 1 / 0)", tmp_path)
    assert (code, errors) == (1, "mine\n")
    assert outcome(one)[0] == "error"


def test_an_exception_in_a_training_thread(tmp_path: Path) -> None:
    body = "thread = threading.Thread(target=train, args=(lambda number: [][number],))\nthread.start()\nthread.join()"
    code, errors, (one,) = finish(LOOP + body, tmp_path)
    assert code == 0
    assert "IndexError" in errors
    assert outcome(one) == ("error", None, "IndexError")


def test_an_exception_in_another_thread_does_not_end_the_run(tmp_path: Path) -> None:
    body = """
def step(number):
    if number == 2:
        other = threading.Thread(target=lambda: 1 / 0)
        other.start()
        other.join()
train(step)
"""
    _, errors, (one,) = finish(LOOP + body, tmp_path)
    assert "ZeroDivisionError" in errors
    assert outcome(one)[0] == "ok"


def test_ctrl_c(tmp_path: Path) -> None:
    body = "train(lambda number: os.kill(os.getpid(), signal.SIGINT) if number == 3 else None)"
    code, errors, (one,) = finish(LOOP + body, tmp_path)
    assert code in (-signal.SIGINT, 130)
    assert "KeyboardInterrupt" in errors
    assert outcome(one) == ("killed", "user", "KeyboardInterrupt")


def test_sigterm_is_preemption_and_still_ends_the_process(tmp_path: Path) -> None:
    body = "train(lambda number: os.kill(os.getpid(), signal.SIGTERM) if number == 3 else None)"
    code, _, (one,) = finish(LOOP + body, tmp_path)
    assert code == -signal.SIGTERM
    assert outcome(one) == ("killed", "preempted", None)
    assert one["outcome"]["step"] == 2


def test_a_sigterm_handler_of_the_users_own_decides(tmp_path: Path) -> None:
    body = """
signal.signal(signal.SIGTERM, lambda *_: print("noted", flush=True))
train(lambda number: os.kill(os.getpid(), signal.SIGTERM) if number == 3 else None)
"""
    code, errors, (one,) = finish(LOOP + body, tmp_path)
    assert (code, errors) == (0, "")
    assert outcome(one)[0] == "ok"


def test_a_forked_worker_that_waits_in_c_ends_at_sigterm(tmp_path: Path) -> None:
    """As a data loader's does, which its parent ends so; a handler in Python would never run."""
    body = """
import ctypes
def step(number):
    if number != 3: return
    ready, wrote = os.pipe()
    child = os.fork()
    if not child:
        os.write(wrote, b"x")
        mutex = ctypes.create_string_buffer(64)
        ctypes.CDLL(None).pthread_mutex_lock(mutex)
        ctypes.CDLL(None).pthread_mutex_lock(mutex)  # waits in C for ever, signals or not
    assert os.read(ready, 1)
    time.sleep(0.2)
    os.kill(child, signal.SIGTERM)
    until = time.monotonic() + 10
    while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < until: time.sleep(0.02)
    if not ended[0]: os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(ended[1]) if ended[0] else "hangs", flush=True)
train(step)
"""
    process = start(LOOP + body, tmp_path)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, said, errors) == (0, f"{-signal.SIGTERM}\n", "")
    assert [outcome(one)[0] for one in waiting(tmp_path)] == ["ok"]


@pytest.mark.parametrize(
    "before",
    [
        "first = threading.Thread(target=train, args=(lambda number: None,)); first.start(); first.join()",
        "train(lambda number: None); signal.signal(signal.SIGTERM, signal.SIG_DFL)",
    ],
)
def test_sigterm_is_heard_after_a_run_in_a_thread_or_a_handler_put_back(tmp_path: Path, before: str) -> None:
    body = f"{before}\ntrain(lambda number: os.kill(os.getpid(), signal.SIGTERM) if number == 3 else None)"
    code, _, found = finish(LOOP + body, tmp_path)
    assert code == -signal.SIGTERM
    assert [outcome(one)[:2] for one in found] == [("ok", None), ("killed", "preempted")]


@pytest.mark.parametrize(("planned", "status"), [(9, "killed"), (5, "ok")])
def test_training_that_is_asked_to_stop_and_stops_early_is_preempted(
    tmp_path: Path, planned: int, status: str
) -> None:
    """A library's handler saves and lets training end as if by itself."""
    body = f"""
State.max_steps = {planned}
signal.signal(signal.SIGTERM, lambda *_: None)
train(lambda number: os.kill(os.getpid(), signal.SIGTERM) if number == 5 else None)
"""
    code, errors, (one,) = finish(LOOP + body, tmp_path)
    assert (code, errors) == (0, "")
    assert one["outcome"]["status"] == status
    assert one["outcome"]["cause"] == ("preempted" if status == "killed" else None)


def test_sigterm_and_then_sigkill_is_preemption(tmp_path: Path) -> None:
    body = """
signal.signal(signal.SIGTERM, lambda *_: None)
def step(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(2)
        os.kill(os.getpid(), signal.SIGKILL)
train(step)
"""
    code, _, (one,) = finish(LOOP + body, tmp_path)
    assert code == -signal.SIGKILL
    assert outcome(one) == ("killed", "preempted", None)
    assert one["outcome"]["step"] == 2


def test_a_handler_that_leaves_is_preemption(tmp_path: Path) -> None:
    body = """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
train(lambda number: os.kill(os.getpid(), signal.SIGTERM) if number == 3 else None)
"""
    code, _, (one,) = finish(LOOP + body, tmp_path)
    assert code == 7
    assert outcome(one) == ("killed", "preempted", None)


def test_an_exit_in_the_middle_says_nothing_about_the_pipeline(tmp_path: Path) -> None:
    code, _, (one,) = finish(LOOP + "train(lambda number: sys.exit(3) if number == 3 else None)", tmp_path)
    assert code == 3
    assert outcome(one) == ("unknown", None, None)


def test_kill_nine_is_settled_by_whoever_looks_next(tmp_path: Path) -> None:
    body = """
def step(number):
    if number == 3:
        print("now", flush=True)
        time.sleep(60)
train(step)
"""
    process = start(LOOP + body, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    until_begun(tmp_path)
    assert waiting(tmp_path) == []
    process.kill()
    process.communicate(timeout=30)
    (one,) = waiting(tmp_path)
    assert outcome(one) == ("killed", "lost", None)
    assert one["task"]["name"] == "ends"
    assert waiting(tmp_path) == [one]  # the same record, whoever settles it


def test_a_run_killed_while_its_dataset_is_still_read(tmp_path: Path) -> None:
    """The statistics of a large dataset take a while; the run is on disk before them."""
    body = """
class Endless(list):
    def __iter__(self):
        time.sleep(60)
        return super().__iter__()
    def __getitem__(self, index):
        time.sleep(60)
        return super().__getitem__(index)
def step(number):
    if number == 3:
        print("now", flush=True)
        time.sleep(60)
train(step, dataset=Endless([{"text": "a", "label": 0}] * 4))
"""
    process = start(LOOP + body, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    until_begun(tmp_path)
    process.kill()
    process.communicate(timeout=30)
    (one,) = waiting(tmp_path)
    assert outcome(one) == ("killed", "lost", None)
    assert one["task"]["name"] == "ends"


def test_a_forked_child_says_nothing(tmp_path: Path) -> None:
    body = """
def step(number):
    if number == 2 and os.fork() == 0:
        raise SystemExit(0)
    if number == 2:
        os.wait()
train(step)
"""
    code, _, found = finish(LOOP + body, tmp_path)
    assert code == 0
    assert [outcome(one)[0] for one in found] == ["ok"]


def test_a_forked_child_that_trains_itself_is_another_run(tmp_path: Path) -> None:
    body = """
train(lambda number: None)
child = os.fork()
train(lambda number: None)
if child:
    os.waitpid(child, 0)
"""
    code, _, found = finish(LOOP + body, tmp_path)
    assert code == 0
    assert [outcome(one)[0] for one in found] == ["ok", "ok", "ok"]
    assert len({one["id"] for one in found}) == 3


def test_a_hub_that_is_away_costs_no_run_and_no_time(tmp_path: Path) -> None:
    body = """
train(lambda number: None, url="http://127.0.0.1:1", exit_s=1.0)
began = time.monotonic()
from tunelore import exits
exits.close_all()
print(time.monotonic() - began)
"""
    process = start(LOOP + body, tmp_path)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert float(output) < 5
    assert errors.count("TuneLore") <= 1
    assert len(waiting(tmp_path)) == 1


def test_a_spool_that_cannot_be_written_costs_no_run(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    code, errors, found = finish(LOOP + "train(lambda number: None)", tmp_path)
    assert code == 0
    assert "Traceback" not in errors
    assert found == []


def test_the_record_goes_to_the_hub_and_leaves_the_disk(tmp_path: Path, hub: Any) -> None:
    code, errors, found = finish(
        LOOP + "train(lambda number: None, exit_s=20)", tmp_path, TUNELORE_URL=hub.url, TUNELORE_TOKEN="tl_x"
    )
    assert (code, errors, found) == (0, "", [])
    ((one,),) = hub.uploads()
    assert outcome(one)[0] == "ok"
    assert list((tmp_path / "spool").iterdir()) == []


def test_the_next_start_sends_what_a_dead_process_left(tmp_path: Path, hub: Any) -> None:
    step = "lambda number: os.kill(os.getpid(), 9) if number == 3 else time.sleep(0.3)"
    _, _, (lost,) = finish(f"{LOOP}train({step})", tmp_path)
    finish(LOOP + "train(lambda number: None, exit_s=20)", tmp_path, TUNELORE_URL=hub.url)
    assert lost["id"] in {one["id"] for body in hub.uploads() for one in body}
    assert waiting(tmp_path) == []


def test_in_ipython_the_error_of_a_cell_counts(tmp_path: Path) -> None:
    """IPython shows exceptions itself; what it offers (an event after each cell) is used as it is."""
    pytest.importorskip("IPython")
    body = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.user_ns["train"] = train
shell.run_cell("train(lambda number: 1 / 0)")
"""
    _, _, (one,) = finish(LOOP + body, tmp_path)
    assert outcome(one) == ("error", None, "ZeroDivisionError")


def test_a_real_trainer_that_fails(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    body = "def at(step):\n    if step == 4:\n        raise RuntimeError('a secret')\ntrain()"
    code, errors, (one,) = finish(TRAINER + body, tmp_path)
    assert code == 1
    assert "RuntimeError: a secret" in errors
    assert outcome(one) == ("error", None, "RuntimeError")
    assert one["outcome"]["step"] == 4
    assert "secret" not in str(one)


def test_a_real_trainer_that_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    body = """
import time
def at(step):
    if step == 4:
        print("now", flush=True)
        time.sleep(60)
train()
"""
    process = start(TRAINER + body, tmp_path)
    assert process.stdout is not None
    while "now" not in (line := process.stdout.readline()):
        assert line, process.communicate()[1]
    until_begun(tmp_path)
    process.kill()
    process.communicate(timeout=30)
    (one,) = waiting(tmp_path)
    assert outcome(one) == ("killed", "lost", None)
    assert one["pipeline"]["method"] == "full"


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on data is a thing of Linux")
def test_a_real_trainer_out_of_memory_under_a_limit(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    body = """
import re, resource
used = int(re.search(r"VmData:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + 200_000_000, resource.RLIM_INFINITY))
kept = []
def at(step):
    kept.append(torch.ones(10_000_000))
train()
"""
    code, errors, (one,) = finish(TRAINER + body, tmp_path)
    assert code == 1
    assert "can't allocate memory" in errors
    assert outcome(one)[:2] == ("oom", "host")
    assert one["limits"]["host_memory_bytes"] > 200_000_000
    assert one["outcome"]["phase"] == "train"


CUDA_OOM = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB."


@pytest.mark.parametrize("name", ["torch.OutOfMemoryError", "torch.cuda.OutOfMemoryError"])
def test_a_real_trainer_out_of_memory_on_an_accelerator(tmp_path: Path, name: str) -> None:
    """The class and the text that torch raises there; what a card itself answers is the next tests'."""
    pytest.importorskip("transformers")
    body = f"def at(step):\n    if step == 3:\n        raise {name}({CUDA_OOM!r})\ntrain()"
    code, errors, (one,) = finish(TRAINER + body, tmp_path)
    assert code == 1
    assert "CUDA out of memory" in errors
    assert outcome(one) == ("oom", "device", "OutOfMemoryError")
    assert (one["outcome"]["phase"], one["outcome"]["step"]) == ("train", 3)
    assert one["cost"]["batch_size_asked"] == 8
    assert "7.79" not in str(one)


CARD = """
import tunelore
run = tunelore.run("card", method="full", hyperparameters={"batch_size": 8})
import torch
class Card: name, total_memory = "a card", 8 * 2**30
held = [0, 0]
torch.cuda.is_available = torch.cuda.is_initialized = lambda: True
torch.cuda.device_count, torch.cuda.current_device = lambda: 1, lambda: 0
torch.cuda.get_device_properties = lambda index: Card
torch.cuda.memory_allocated = lambda index: held[0]
torch.cuda.max_memory_allocated = lambda index: held[1]
torch.cuda.get_per_process_memory_fraction = lambda index: 1.0
def train(most, error=None):
    held[:] = most, max(most, held[1])
    run.log(loss=1.0)
    run._run.sample_memory()
    if error: run.fail(error)
    else: run.finish({"accuracy": 0.5})
"""


def test_an_accelerators_memory_is_told_by_a_script_that_begins_to_use_it_later(tmp_path: Path) -> None:
    """With the counters that torch has of a card: what it holds, what this run held at most, what failed to fit."""
    pytest.importorskip("torch")
    body = f"""
train(7 * 2**30, torch.OutOfMemoryError({CUDA_OOM!r}))
held[0] = 0
run = tunelore.run("card", method="full", hyperparameters={{"batch_size": 4}})
train(4 * 2**30)
"""
    code, errors, (failed, well) = finish(CARD + body, tmp_path)
    assert (code, errors) == (0, "")
    assert outcome(failed) == ("oom", "device", "OutOfMemoryError")
    for one, held in ((failed, 7 * 2**30), (well, 4 * 2**30)):
        assert one["cost"]["device_memory_bytes"] == held  # the second's own, not the process's peak
        assert one["limits"]["device_memory_bytes"] == 8 * 2**30
        assert one["system"]["features"]["devices"] == [
            {"kind": "cuda", "name": "a card", "memory_bytes": 8 * 2**30}
        ]


def test_a_real_trainer_out_of_memory_on_a_real_card(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    if not torch.cuda.is_available():
        pytest.skip("needs an accelerator that torch can use")
    body = """
def at(step):
    if step == 3: torch.empty(2**50, dtype=torch.uint8, device="cuda")
train(use_cpu=False)
"""
    code, errors, (one,) = finish(TRAINER + body, tmp_path)
    assert code == 1
    assert "out of memory" in errors
    assert outcome(one) == ("oom", "device", "OutOfMemoryError")
    assert 0 < one["cost"]["device_memory_bytes"] < one["limits"]["device_memory_bytes"]
    assert one["system"]["features"]["devices"]
