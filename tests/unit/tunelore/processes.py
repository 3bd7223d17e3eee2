"""Scripts in processes of their own, as users run them, and what they leave in the spool."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import tunelore
from tunelore import record
from tunelore.spool.outbox import parcels, read_folder

# Calls the hooks in the order a Trainer does; `step(number)` is what a test does in each step.
LOOP = """
import os, signal, sys, threading, time
from tunelore import TuneLoreCallback
class State:
    is_world_process_zero, global_step, epoch = True, 0, 0.0
def train(step, steps=5, **more):
    callback, state = TuneLoreCallback(task="ends", **more), State()
    callback.on_train_begin(None, state, None)
    for number in range(1, steps + 1):
        callback.on_step_begin(None, state, None)
        step(number)
        state.global_step, state.epoch = number, number / steps
        callback.on_step_end(None, state, None)
        callback.on_log(None, state, None, logs={"loss": 1.0 / number})
    callback.on_evaluate(None, state, None, metrics={"eval_accuracy": 0.5})
    callback.on_train_end(None, state, None)
    return callback
"""

# A real Trainer with a tiny real encoder; `at(step)` is called in each training step.
TRAINER = """
import torch, transformers
from tunelore import TuneLoreCallback
class Rows(torch.utils.data.Dataset):
    def __len__(self): return 64
    def __getitem__(self, index):
        return {"input_ids": [1, 2, 3 + index % 5], "attention_mask": [1] * 3, "labels": index % 2}
class Trainer(transformers.Trainer):
    def training_step(self, *arguments, **more):
        at(self.state.global_step)
        return super().training_step(*arguments, **more)
def encoder():
    return transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=20, hidden_size=8,
        num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, max_position_embeddings=8))
def scores(_):
    return {"f1_macro": 0.5, "accuracy": 0.75}
def trainer(callbacks=None, **more):
    arguments = transformers.TrainingArguments(**{**dict(output_dir="out", per_device_train_batch_size=8, report_to=[],
        use_cpu=True, logging_steps=1, save_strategy="no", disable_tqdm=True, dataloader_pin_memory=False), **more})
    own = [TuneLoreCallback(task="ends", kind="text-classification")] if callbacks is None else callbacks
    return Trainer(model_init=encoder, args=arguments, train_dataset=Rows(), eval_dataset=Rows(), callbacks=own,
        compute_metrics=scores)
def train(**more):
    trainer(**more).train()
"""


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """The variables of a script: nothing of the machine's TuneLore, the same client as the tests'."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TUNELORE_")}
    client = str(Path(tunelore.__file__).parents[1])
    fixed = {"TUNELORE_SPOOL": str(folder / "spool"), "OMP_NUM_THREADS": "1", "PYTHONPATH": client}
    return {**kept, **fixed, **variables}


def start(
    code: str, folder: Path, *, python: str | Path = sys.executable, **variables: str
) -> subprocess.Popen[str]:
    """Run Python code in the folder."""
    return subprocess.Popen(
        [str(python), "-c", textwrap.dedent(code)],
        env=environment(folder, **variables),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(
    code: str, folder: Path, *, python: str | Path = sys.executable, **variables: str
) -> tuple[int, str, list[dict[str, Any]]]:
    """Exit code, standard error, and the records that wait afterwards."""
    process = start(code, folder, python=python, **variables)
    _, errors = process.communicate(timeout=240)
    return process.returncode, errors, waiting(folder)


def run_command(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command in the folder, to its end."""
    return subprocess.run(
        command,
        env=environment(folder, **variables),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )


def waiting(folder: Path) -> list[dict[str, Any]]:
    """The records that would be sent now, each a valid one."""
    found = [parcel.record for parcel in parcels(folder / "spool")]
    assert [record.check(one) for one in found] == [[] for _ in found]
    return found


def until_begun(folder: Path) -> None:
    """Wait for the thread that writes: no hook waits for the disk."""
    end = time.monotonic() + 30
    while not any(stored.runs for stored in read_folder(folder / "spool")):
        assert time.monotonic() < end, "no run came to the spool"
        time.sleep(0.01)


def until_described(spool: Path) -> None:
    """Wait for the statistics of a data set, which are worked out beside the training and kept."""
    end = time.monotonic() + 60
    while not list((spool / "statistics").glob("*.json")):
        assert time.monotonic() < end, "no statistics were kept"
        time.sleep(0.01)


def outcome(one: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """Status, cause and exception of a record."""
    return one["outcome"]["status"], one["outcome"]["cause"], one["outcome"]["exception"]
