"""The oldest transformers that the client promises to work with, in an environment of its own."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.unit.tunelore.environments import environment
from tests.unit.tunelore.processes import TRAINER, finish, outcome, start, until_begun, waiting
from tests.unit.tunelore.test_trainer_series import OPTUNA, QUIET, SEARCH, check_a_search

# 4.46.3 is the last of the 4.46 line; accelerate as it was then.
PINS = ("transformers==4.46.3", "accelerate==1.1.1", OPTUNA)


@pytest.fixture(scope="module")
def old() -> Path:
    return environment("transformers-4.46", *PINS)


def test_a_run_that_ends_well(tmp_path: Path, old: Path) -> None:
    body = "import sys\nassert transformers.__version__ == '4.46.3'\ntrain(eval_strategy='epoch', num_train_epochs=1)"
    code, errors, (one,) = finish(TRAINER + QUIET + body, tmp_path, python=old)
    assert code == 0, errors
    assert outcome(one) == ("ok", None, None)
    assert one["primary"] == {"split": "validation", "metric": "f1_macro", "value": 0.5}
    assert one["system"]["software"]["transformers"] == "4.46.3"
    assert one["cost"]["steps"] == 8
    assert len(one["curve"]) == 9


def test_exceptions_retries_and_resumption(tmp_path: Path, old: Path) -> None:
    body = """
import tunelore
class Hungry(Trainer):
    def training_step(self, model, inputs, *more):
        if len(inputs["labels"]) > 9:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return super().training_step(model, inputs, *more)
Trainer = Hungry
train(per_device_train_batch_size=16, auto_find_batch_size=True, max_steps=4, save_strategy="steps", save_steps=2)
def at(step):
    if step == 3: raise ValueError
try: tunelore.wrap(trainer(max_steps=6)).train(resume_from_checkpoint="out/checkpoint-2")
except ValueError: pass
"""
    # A release of its time wrote generators into checkpoints that a present torch opens only when told to.
    code, errors, found = finish(
        TRAINER + QUIET + body, tmp_path, python=old, TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD="1"
    )
    assert code == 0, errors
    *failed, well, resumed = found
    assert failed
    assert {one["outcome"]["status"] for one in failed} == {"oom"}
    assert failed[0]["cost"]["batch_size_effective"] == 16
    assert (well["outcome"]["status"], well["cost"]["batch_size_asked"]) == ("ok", 16)
    assert well["cost"]["batch_size_effective"] <= 9
    assert outcome(resumed) == ("error", None, "ValueError")
    assert resumed["provenance"]["resumes"] == well["id"]


def test_a_search(tmp_path: Path, old: Path) -> None:
    code, errors, found = finish(TRAINER + SEARCH, tmp_path, python=old)
    assert code == 0, errors
    check_a_search(found)


def test_a_killed_one(tmp_path: Path, old: Path) -> None:
    body = """
import time
def at(step):
    if step == 4:
        print("now", flush=True)
        time.sleep(60)
train()
"""
    process = start(TRAINER + body, tmp_path, python=old)
    assert process.stdout is not None
    while "now" not in (line := process.stdout.readline()):
        assert line, process.communicate()[1]
    until_begun(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    (one,) = waiting(tmp_path)
    assert outcome(one) == ("killed", "lost", None)
