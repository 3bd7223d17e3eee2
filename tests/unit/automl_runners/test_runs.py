"""Real runs in real child processes: every method learns, every way to die has its outcome."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from automl.runners.base import TrialProgress, TrialSpec
from automl.runners.execute import execute, warm_up
from automl.runners.process import run
from automl.runners.script import pipeline_script
from automl.runners.stopping import Peer, Stopping
from automl.values import Limits
from tests.best_script import said_by_script

pytestmark = pytest.mark.training
ROOT = Path(__file__).resolve().parents[3]


def go_on(_progress: TrialProgress) -> bool:
    return True


@pytest.mark.parametrize("method", ["full", "lora", "partial", "probe", "linear"])
def test_every_method_learns_and_says_what_it_cost(make_spec, method):
    phases: list[str] = []

    def watch(progress: TrialProgress) -> bool:
        phases.append(progress.phase)
        return True

    trains = method in ("full", "lora", "partial")
    # One layer learns little where most of it stands still.
    layers = None if method in ("lora", "partial") else 1
    result = run(make_spec(method, layers=layers, changes={"epochs": 4} if trains else None), watch)
    assert (result.status, result.cause, result.exception) == ("ok", None, None)
    assert result.primary == {
        "split": "validation",
        "metric": "f1_macro",
        "value": result.metrics["validation"]["f1_macro"],
    }
    # Always answering one class gives 1/3; the two subjects share no word.
    assert result.primary["value"] > 0.6
    assert set(result.metrics) == {"validation", "test"}
    cost = result.cost
    assert 0 < cost["train_s"] + cost["predict_s"] <= cost["evaluation_s"] + 0.1
    assert cost["cpu_s"] > 0
    assert cost["host_memory_bytes"] > 50 * 2**20
    assert 0 < cost["trainable_parameters"] <= cost["parameters"]
    assert result.conditions["threads"] == 1
    assert json.loads(json.dumps(result.fidelity))["train_rows"] > 50
    if method == "lora":
        assert cost["trainable_parameters"] < 0.05 * cost["parameters"]
    if method == "partial":
        assert cost["trainable_parameters"] < 0.5 * cost["parameters"]


def test_the_same_spec_gives_the_same_score_and_the_script_too(make_spec, tmp_path):
    spec = make_spec("full")
    first = run(spec, go_on)
    _, again = said_by_script(spec, tmp_path)
    assert abs(first.primary["value"] - again) <= 1e-6


def test_a_script_is_plain_python_whatever_names_it_holds(make_spec):
    spec = make_spec("linear")
    hostile = replace(spec, dataset=replace(spec.dataset, name='"""\nimport os; os.abort() #'))
    compile(pipeline_script(hostile), "script", "exec")


def test_time_runs_out_and_the_best_score_so_far_is_said_as_such(make_spec):
    spec = make_spec("full", layers=None, changes={"epochs": 4, "batch_size": 8, "max_length": 128})
    full = run(replace(spec, limits=Limits(2.5, None)), go_on)
    assert (full.status, full.cause, full.primary) == ("timeout", "wall", None)
    assert full.cost["evaluation_s"] >= 2.5
    assert set(full.metrics) <= {"partial"}


def test_memory_runs_out(make_spec):
    spec = make_spec("full", layers=None, changes={"batch_size": 32, "max_length": 128})
    result = run(replace(spec, limits=Limits(120.0, 330 * 2**20)), go_on)
    assert (result.status, result.cause, result.primary) == ("oom", "host", None)
    assert result.phase in ("load", "train")


def test_a_loss_that_is_not_finite_is_divergence(make_spec):
    result = run(make_spec("full", changes={"learning_rate": 1e30}), go_on)
    assert (result.status, result.phase) == ("diverged", "train")


def test_a_pipeline_that_does_not_fit_the_data_is_its_own_error(make_spec):
    result = run(make_spec("linear", changes={"min_df": 500}), go_on)
    assert (result.status, result.cause, result.exception) == ("error", "config", "ValueError")
    assert result.stack.startswith("sha256:")


def test_cancelling_ends_a_run_as_killed_by_the_user(make_spec):
    def until_training(progress: TrialProgress) -> bool:
        return not (progress.phase == "train" and progress.step)

    spec = make_spec("full", layers=None, changes={"epochs": 4, "batch_size": 8, "max_length": 128})
    result = run(spec, until_training)
    assert (result.status, result.cause, result.phase) == ("killed", "user", "train")


def children_of(pid: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in listed.stdout.split()]


@pytest.mark.parametrize(("number", "cause"), [(signal.SIGKILL, "lost"), (signal.SIGTERM, "preempted")])
def test_a_child_killed_from_outside(make_spec, number, cause):
    def kill(progress: TrialProgress) -> bool:
        if progress.phase == "train":
            for pid in children_of(os.getpid()):
                # The list names the process that made it, too; that one has ended.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        return True

    spec = make_spec("full", layers=None, changes={"epochs": 4, "batch_size": 8, "max_length": 128})
    result = run(spec, kill)
    assert (result.status, result.cause) == ("killed", cause)


def test_the_child_ends_within_two_seconds_of_its_parent(make_spec, tmp_path):
    spec = make_spec("full", layers=None, changes={"epochs": 4, "batch_size": 8, "max_length": 128})
    told = tmp_path / "spec.json"
    told.write_text(json.dumps(spec.to_dict()), encoding="utf-8")
    code = (
        "import json, sys\nfrom automl.runners.base import TrialSpec\nfrom automl.runners.process import run\n"
        f"spec = TrialSpec.from_dict(json.load(open({str(told)!r})))\n"
        "run(spec, lambda seen: print(seen.phase, flush=True) or True)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as lines:
        for line in lines:
            if line.strip() == "train":
                break
        [child] = children_of(parent.pid)
        parent.kill()
        parent.wait()
    end = time.monotonic() + 2.0
    while alive(child) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(child)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_the_childs_environment_holds_no_secrets(make_spec, monkeypatch):
    from automl.runners.process import environment

    monkeypatch.setenv("TUNELORE_SECRET_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert "secret" not in environment(make_spec("linear"), "/somewhere").values()


def test_a_spec_survives_the_pipe(make_spec):
    spec = make_spec("lora", train_rows=50)
    assert TrialSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_an_unknown_method_is_a_result_too(make_spec):
    spec = make_spec("linear")
    warm_up("linear")
    result = execute(replace(spec, pipeline=replace(spec.pipeline, method="prompting")))
    assert (result.status, result.cause) == ("error", "data")


def test_a_hopeless_training_is_stopped_and_keeps_its_curve_and_its_cost(make_spec):
    """Others were done at once with a perfect score; with this learning rate nothing is learnt."""
    spec = make_spec("full", changes={"epochs": 6, "learning_rate": 1e-8})
    peers = tuple(Peer((0.5, 1.0), (1.0, 1.0), 1.0) for _ in range(3))
    result = run(replace(spec, stopping=Stopping("ceiling", peers, ((1.0, 0.1),))), go_on)
    assert (result.status, result.cause, result.primary) == ("pruned", "ceiling", None)
    assert (result.exception, result.stack) == (None, None)
    said = result.pruning
    assert said["rule"] == "ceiling"
    assert 0.25 <= said["share"] < 1
    assert said["reached"] <= said["ceiling"] <= 1
    assert result.metrics == {"partial": {"f1_macro": said["reached"]}}
    evaluated = [point for point in result.curve if "eval_f1_macro" in point["values"]]
    assert len(evaluated) == round(6 * said["share"])
    assert result.cost["evaluation_s"] >= said["seconds"] > 0
    assert result.fidelity["epochs"] == pytest.approx(6 * said["share"])
    left = run(spec, go_on)
    assert left.status == "ok"
    assert left.fidelity["epochs"] > result.fidelity["epochs"]
