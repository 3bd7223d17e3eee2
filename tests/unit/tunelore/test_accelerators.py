"""Accelerators: what torch raises when memory is full, what each one holds, and that nobody wakes them for us."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tunelore import describe, run
from tunelore.observe import cost
from tunelore.runs.outcome import classify, from_exception
from tunelore.runs.run import Run

from tests.unit.tunelore.processes import TRAINER, finish, outcome, start, until_begun, waiting
from tests.unit.tunelore.test_trainer_series import QUIET

torch = pytest.importorskip("torch")
GIB = 2**30
TEXT = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB."


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError(TEXT),
        torch.cuda.OutOfMemoryError(TEXT),
        torch.AcceleratorError(
            "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"
        ),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GiB, max allowed: 9.07 GiB)"),
        RuntimeError("FATAL ERROR :: MODULE:PT_DEVMEM Allocation failed for size::4294967296"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_torch_raises_of_a_full_accelerator(error: BaseException) -> None:
    assert classify(error) == ("oom", "device")


def test_other_errors_of_an_accelerator_are_none_of_memory() -> None:
    error = torch.AcceleratorError("CUDA error: device-side assert triggered")
    assert classify(error) == ("error", None)


def test_a_replica_of_data_parallel_that_runs_out_of_memory_is_known_through_its_wrapper() -> None:
    """Replicas work in threads, whose exceptions torch wraps and raises again in the one that trains."""
    try:
        raise torch.OutOfMemoryError(TEXT)
    except RuntimeError:
        wrapped = torch._utils.ExceptionWrapper(where="in replica 1 on device 1")
    with pytest.raises(torch.OutOfMemoryError, match="Caught OutOfMemoryError in replica 1") as caught:
        wrapped.reraise()
    found = from_exception(caught.value, "train", 4)
    assert (found.status, found.cause, found.exception) == ("oom", "device", "OutOfMemoryError")


def test_what_torch_really_raises_of_a_full_machine() -> None:
    with pytest.raises(RuntimeError, match="allocate") as caught:
        torch.empty(2**50, dtype=torch.uint8)
    assert classify(caught.value) == ("oom", "host")


def cards(monkeypatch: pytest.MonkeyPatch, *memory: int, fraction: float = 1.0) -> list[list[int]]:
    """torch's counters of so many cards that are in use: [held now, held at most] of each, to be set by the test."""
    held = [[0, 0] for _ in memory]
    found: dict[str, Any] = {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "device_count": lambda: len(memory),
        "current_device": lambda: 0,
        "get_device_properties": lambda index: SimpleNamespace(name="a card", total_memory=memory[index]),
        "get_per_process_memory_fraction": lambda index: fraction,
        "memory_allocated": lambda index: held[index][0],
        "max_memory_allocated": lambda index: held[index][1],
    }
    for name, value in found.items():
        monkeypatch.setattr(torch.cuda, name, value)
    return held


def test_several_cards_cost_what_the_fullest_holds_and_the_smallest_in_use_is_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As DataParallel uses them: a batch that fits is one that fits into each."""
    held = cards(monkeypatch, 24 * GIB, 16 * GIB, 8 * GIB)
    one = Run({"limits": cost.limits(None, None), "system": {"features": {"devices": []}}})
    assert one.facts["limits"]["device_memory_bytes"] == 24 * GIB  # the current one: nothing is held yet
    held[:2] = [5 * GIB, 6 * GIB], [9 * GIB, 11 * GIB]
    one.sample_memory()
    assert one.meet_devices()
    assert not one.meet_devices()
    assert one.progress([])["cost"]["device_memory_bytes"] == 11 * GIB
    assert one.facts["limits"]["device_memory_bytes"] == 16 * GIB  # the third one is not used
    assert [device["memory_bytes"] // GIB for device in one.facts["system"]["features"]["devices"]] == [
        24,
        16,
        8,
    ]


def test_a_share_of_a_card_is_all_that_a_process_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a slice (MIG) torch tells the slice's own memory; of a fraction it tells the fraction beside the whole."""
    cards(monkeypatch, 10 * GIB)
    assert cost.limits(None, None)["device_memory_bytes"] == 10 * GIB
    cards(monkeypatch, 10 * GIB, fraction=0.5)
    assert cost.limits(None, None)["device_memory_bytes"] == 5 * GIB


def test_cards_that_torch_does_not_use_yet_are_not_woken(
    client: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To ask for a card begins CUDA in this process, after which a forked child, as of a notebook, cannot use it."""
    cards(monkeypatch, 8 * GIB)
    asked: list[str] = []
    for name in ("is_available", "device_count", "get_device_properties", "current_device"):
        monkeypatch.setattr(torch.cuda, name, lambda *_, name=name: asked.append(name))
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    with run("asleep", method="full", spool=client) as one:
        one.log(loss=1.0)
        one.finish({"accuracy": 0.5})
    assert asked == []
    assert describe.devices(waken=False) == []


MEETS = """
import time, types
import tunelore
run = tunelore.run("meets", method="full")
import torch
card = types.SimpleNamespace(name="a card", total_memory=8 * 2**30)
torch.cuda.is_initialized, torch.cuda.device_count, torch.cuda.current_device = lambda: True, lambda: 1, lambda: 0
torch.cuda.get_device_properties, torch.cuda.get_per_process_memory_fraction = lambda index: card, lambda index: 1.0
torch.cuda.memory_allocated = torch.cuda.max_memory_allocated = lambda index: 2**30
for step in range(600):
    run.log(loss=1.0)
    time.sleep(0.1)
"""


def test_a_killed_run_tells_of_the_cards_that_it_met_after_its_start(tmp_path: Path) -> None:
    process = start(MEETS, tmp_path)
    until_begun(tmp_path)
    file = next((tmp_path / "spool").glob("*.jsonl"))
    while b"a card" not in file.read_bytes():
        assert process.poll() is None, process.communicate()[1]
    process.kill()
    process.communicate(timeout=30)
    (one,) = waiting(tmp_path)
    assert outcome(one) == ("killed", "lost", None)
    assert one["limits"]["device_memory_bytes"] == 8 * GIB
    assert [device["name"] for device in one["system"]["features"]["devices"]] == ["a card"]


@pytest.mark.skipif(sys.platform != "linux", reason="as the other tests that run out of memory")
def test_a_search_for_a_batch_that_ends_with_none_ran_out_of_memory(tmp_path: Path) -> None:
    """The Trainer's last word is an error of its own, which holds nothing of the one before."""
    pytest.importorskip("transformers")
    body = """
class Hungry(Trainer):
    def training_step(self, *arguments, **more):
        torch.empty(2**50, dtype=torch.uint8)
Trainer = Hungry
train(per_device_train_batch_size=2, auto_find_batch_size=True)
"""
    code, errors, found = finish(TRAINER + QUIET + body, tmp_path)
    assert code == 1
    assert "No executable batch size found" in errors
    *silent, last = found
    assert silent
    assert {outcome(one) for one in silent} == {("oom", "host", None)}
    assert outcome(last) == ("oom", "host", "RuntimeError")
    assert last["cost"]["batch_size_effective"] == 1
