"""Several trainings of one real Trainer: watched, retried for memory, trials of a search, resumed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tunelore.environments import environment
from tests.unit.tunelore.processes import TRAINER, finish, outcome

pytest.importorskip("transformers")

QUIET = "def at(step):\n    pass\n"
OPTUNA = "optuna==4.5.0"
SEARCH = (
    QUIET
    + """
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
class Pruner(optuna.pruners.BasePruner):
    def prune(self, study, trial):
        return trial.number == 1 and trial.last_step >= 8
def space(trial):
    return {"learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-3, log=True),
            "layers_cut": trial.suggest_int("layers_cut", 1, 3)}
whole = trainer(eval_strategy="epoch", num_train_epochs=2)
def objective(metrics):
    return metrics["eval_accuracy"]
whole.hyperparameter_search(hp_space=space, n_trials=3, backend="optuna", pruner=Pruner(),
    compute_objective=objective, sampler=optuna.samplers.RandomSampler(seed=1))
whole.args.num_train_epochs = 1
whole.train()
"""
)


def test_a_watched_trainer_tells_of_exceptions_that_the_script_catches(tmp_path: Path) -> None:
    body = """
import tunelore
def at(step):
    if step == 3 and broken: raise ValueError("a secret")
broken = True
whole = trainer(callbacks=[])
assert tunelore.wrap(whole, task="watched") is whole
assert tunelore.wrap(whole) is whole
assert len([one for one in whole.callback_handler.callbacks if "TuneLore" in type(one).__name__]) == 1
for given in ({}, {"resume_from_checkpoint": "nowhere"}):
    try: whole.train(**given)
    except ValueError: pass
broken = False
print(whole.train().global_step)
whole.evaluate()
"""
    code, errors, (failed, never_began, well) = finish(TRAINER + body, tmp_path)
    assert (code, errors) == (0, "")
    assert outcome(failed) == ("error", None, "ValueError")
    assert (failed["outcome"]["phase"], failed["outcome"]["step"]) == ("train", 3)
    assert failed["task"]["name"] == "watched"
    assert outcome(never_began) == ("error", None, "ValueError")
    assert (never_began["outcome"]["phase"], never_began["provenance"]["resumes"]) == ("load", None)
    assert outcome(well) == ("ok", None, None)
    assert "secret" not in str([failed, never_began])


def test_what_cannot_be_watched_is_left_as_it_is(tmp_path: Path) -> None:
    body = """
import tunelore
class Own:
    def train(self): return 7
own = Own()
assert tunelore.wrap(own, task="x") is own and own.train() == 7
assert tunelore.wrap(None) is None
"""
    code, errors, found = finish(body, tmp_path)
    assert (code, found) == (0, [])
    assert "a Own takes no callbacks; use `with tunelore.run(...)`" in errors
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on data is a thing of Linux")
def test_silent_retries_for_memory_are_runs_of_their_own(tmp_path: Path) -> None:
    body = """
import re, resource
used = int(re.search(r"VmData:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + 500_000_000, resource.RLIM_INFINITY))
class Hungry(Trainer):
    def training_step(self, model, inputs, *more):
        if self.state.global_step == 2: torch.ones(len(inputs["labels"]) * 10_000_000)
        return super().training_step(model, inputs, *more)
Trainer = Hungry
train(per_device_train_batch_size=16, auto_find_batch_size=True, num_train_epochs=1, eval_strategy="epoch")
"""
    code, errors, found = finish(TRAINER + QUIET + body, tmp_path)
    assert (code, errors) == (0, "")
    *failed, well = found
    assert failed
    assert {outcome(one) for one in failed} == {("oom", "host", None)}
    tried = [one["pipeline"]["hyperparameters"]["batch_size"] for one in failed]
    assert tried[0] == 16
    assert tried == sorted(set(tried), reverse=True)
    assert [one["cost"]["batch_size_effective"] for one in failed] == tried
    assert {one["cost"]["batch_size_asked"] for one in found} == {16}
    assert all(one["cost"]["host_memory_bytes"] > 100_000_000 for one in found)
    assert all("auto_find_batch_size" not in one["pipeline"]["hyperparameters"] for one in failed)
    assert {(one["outcome"]["phase"], one["outcome"]["step"]) for one in failed} == {("train", 2)}
    assert well["outcome"]["status"] == "ok"
    assert well["pipeline"]["hyperparameters"]["batch_size"] == 16
    assert well["pipeline"]["hyperparameters"]["auto_find_batch_size"] is True
    assert 0 < well["cost"]["batch_size_effective"] < tried[-1]
    expected = [{"batch_size": size, "run": one["id"]} for size, one in zip(tried, failed, strict=True)]
    assert well["extra"]["out_of_memory_before"] == expected


def check_a_search(found: list[dict[str, Any]]) -> None:
    """Three trials of which one was pruned, then an ordinary training of the same Trainer."""
    *trials, after = found
    assert [one["outcome"]["status"] for one in trials] == ["ok", "pruned", "ok"]
    assert [one["provenance"]["trial"] for one in trials] == [0, 1, 2]
    assert len({one["provenance"]["search"] for one in trials}) == 1
    assert trials[0]["provenance"]["search"]
    assert len({one["pipeline"]["hyperparameters"]["learning_rate"] for one in trials}) == 3
    assert all(1 <= one["pipeline"]["hyperparameters"]["layers_cut"] <= 3 for one in trials)
    assert trials[1]["metrics"]["partial"]["accuracy"] == 0.75
    assert trials[1]["outcome"]["step"] == 8
    assert after["outcome"]["status"] == "ok"
    assert after["provenance"].get("search") is None


def test_trials_of_a_search_and_pruned_ones_are_told_apart(tmp_path: Path) -> None:
    python = environment("optuna", OPTUNA)
    code, errors, found = finish(TRAINER + SEARCH, tmp_path, python=python)
    assert code == 0, errors
    check_a_search(found)


@pytest.mark.parametrize("way", ["folder", "moved", "state only"])
def test_a_resumed_run_names_the_one_it_resumes(tmp_path: Path, way: str) -> None:
    body = """
import os, pathlib
train(save_strategy="steps", save_steps=4, max_steps=8)
checkpoint = pathlib.Path("out/checkpoint-4")
if WAY != "folder":
    checkpoint = checkpoint.rename("elsewhere")
if WAY == "state only":
    (checkpoint / "tunelore_run.txt").unlink()
trainer(max_steps=12, output_dir="out2").train(resume_from_checkpoint=str(checkpoint))
train(max_steps=4)
"""
    code, errors, found = finish(TRAINER + QUIET + body.replace("WAY", repr(way)), tmp_path)
    assert code == 0, errors
    assert "TuneLore" not in errors
    first, second, fresh = found
    assert second["provenance"]["resumes"] == first["id"]
    assert (first["provenance"]["resumes"], fresh["provenance"]["resumes"]) == (None, None)
    assert second["id"] != first["id"]
