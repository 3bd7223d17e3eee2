"""`tunelore.run`: runs of scripts without a Trainer, from the first line to the record."""

from __future__ import annotations

import math
import os
import random
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tunelore
from tunelore import describe, exits, record, trouble
from tunelore.runs import run as runs
from tunelore.spool.outbox import parcels

from tests.unit.tunelore.processes import finish, outcome, start, until_begun, until_described, waiting

ROWS = [(f"note {number} says {'sun' if number % 2 else 'rain'}", str(number % 2)) for number in range(32)]


def only(spool: Path) -> dict[str, Any]:
    """The one record that waits after the client ended as a process would."""
    exits.close_all(30)
    (parcel,) = parcels(spool)
    assert record.check(parcel.record) == []
    return parcel.record


def test_a_run_from_its_start_to_its_metrics(client: Path) -> None:
    with tunelore.run(
        task="weather",
        model="hub:someone/encoder@v1#layers=3",
        method="lora",
        hyperparameters={"learning_rate": 2e-5, "batch_size": 8, "modules": ["query"]},
        dataset=ROWS,
        kind="text-classification",
        languages=["en"],
        licence="CC-BY-4.0",
        seed=7,
        wall_limit_s=600,
        spool=client,
    ) as run:
        for step in range(1, 4):
            run.log({"loss": 1 / step}, step=step, epoch=step / 3)
        run.log(val_accuracy=0.25)
        until_described(client)
        run.finish({"f1_macro": 0.5, "accuracy": 0.75, "test": {"accuracy": 0.625}})
    whole = only(client)
    assert whole["id"] == run.id
    assert outcome(whole) == ("ok", None, None)
    assert whole["metrics"] == {
        "validation": {"f1_macro": 0.5, "accuracy": 0.75},
        "test": {"accuracy": 0.625},
    }
    assert whole["primary"] == {"split": "validation", "metric": "f1_macro", "value": 0.5}
    assert whole["language_model"]["name"] == "someone/encoder"
    assert whole["language_model"]["variant"] == "layers=3"
    assert whole["pipeline"] == {
        "method": "lora",
        "space": None,
        "hyperparameters": {"learning_rate": 2e-5, "batch_size": 8, "modules": ["query"]},
    }
    assert whole["task"]["dataset"]["fingerprint"] == describe.rows_fingerprint(ROWS)
    assert whole["task"]["metafeatures"]["values"]["landmark"] is not None
    assert whole["provenance"] == {
        "client": f"tunelore/{tunelore.__version__}",
        "via": "run",
        "seed": 7,
        "resumes": None,
        "licence": "CC-BY-4.0",
    }
    assert [(one["step"], one["values"]) for one in whole["curve"]] == [
        (1, {"loss": 1.0}),
        (2, {"loss": 0.5}),
        (3, {"loss": 1 / 3}),
        (4, {"eval_accuracy": 0.25}),
    ]
    assert whole["cost"]["steps"] == 4
    assert whole["cost"]["batch_size_asked"] == 8
    assert whole["limits"]["wall_s"] == 600


def test_a_model_tells_of_itself(client: Path) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    for parameter in model[0].parameters():
        parameter.requires_grad = False
    tunelore.run(model=model, spool=client).finish({"accuracy": 1})
    whole = only(client)
    assert whole["pipeline"]["method"] == "partial"
    assert (whole["cost"]["parameters"], whole["cost"]["trainable_parameters"]) == (26, 10)
    assert whole["language_model"]["features"]["parameters"] == 26


def test_a_method_without_a_language_model_has_none(client: Path) -> None:
    tunelore.run(task="weather", method="linear", spool=client).finish({"accuracy": 1})
    assert only(client)["language_model"] is None


def test_an_exception_that_the_script_catches_is_seen(client: Path) -> None:
    def train() -> None:
        with tunelore.run(task="weather", spool=client) as run:
            run.log(loss=0.5, step=3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    whole = only(client)
    assert outcome(whole) == ("error", None, "ZeroDivisionError")
    assert (whole["outcome"]["step"], whole["outcome"]["phase"]) == (3, "train")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), ("oom", "host", "MemoryError")),
        (KeyboardInterrupt(), ("killed", "user", "KeyboardInterrupt")),
        (SystemExit(3), ("unknown", None, None)),
    ],
)
def test_how_a_block_ends(client: Path, error: BaseException, expected: tuple[str, ...]) -> None:
    with pytest.raises(type(error)), tunelore.run(spool=client):
        raise error
    assert outcome(only(client)) == expected


def test_an_exception_after_the_end_is_none_of_the_runs(client: Path) -> None:
    def train() -> None:
        with tunelore.run(spool=client) as run:
            run.finish({"accuracy": 0.5})
            raise ValueError("cannot plot")

    with pytest.raises(ValueError, match="cannot plot"):
        train()
    assert outcome(only(client))[0] == "ok"


def test_a_block_without_finish_takes_what_was_logged(client: Path) -> None:
    with tunelore.run(spool=client) as run:
        run.log({"eval_accuracy": 0.5, "loss": 1.0})
    assert only(client)["primary"]["value"] == 0.5


def test_a_block_that_measured_nothing_is_unknown(client: Path) -> None:
    with tunelore.run(spool=client):
        pass
    assert outcome(only(client))[0] == "unknown"


def test_a_loss_that_is_not_finite_is_divergence(client: Path) -> None:
    with tunelore.run(spool=client) as run:
        run.log(loss=math.nan, step=2)
        run.finish({"accuracy": 0.1})
    assert (only(client)["outcome"]["status"]) == "diverged"


@pytest.mark.parametrize("status", ["pruned", "timeout", "diverged"])
def test_who_knows_the_outcome_says_it(client: Path, status: str) -> None:
    run = tunelore.run(spool=client)
    run.fail(status)
    assert outcome(only(client))[0] == status


def test_a_status_that_there_is_not(client: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", logger="tunelore")
    tunelore.run(spool=client).fail("broken")
    assert outcome(only(client))[0] == "unknown"
    assert "'broken' is no status; known are oom, timeout" in caplog.text


def test_runs_inside_each_other_and_beside_each_other(client: Path) -> None:
    with tunelore.run(task="outer", spool=client) as outer:
        with tunelore.run(task="inner", spool=client) as inner:
            inner.log(loss=1.0)

            def beside() -> None:
                tunelore.run(task="beside", spool=client).finish({"accuracy": 0.25})

            thread = threading.Thread(target=beside)
            thread.start()
            thread.join()
            inner.finish({"accuracy": 0.5})
        outer.finish({"accuracy": 0.75})
    exits.close_all(30)
    found = {one.record["task"]["name"]: one.record for one in parcels(client)}
    assert {name: one["primary"]["value"] for name, one in found.items()} == {
        "outer": 0.75,
        "inner": 0.5,
        "beside": 0.25,
    }


def test_tensors_are_taken_as_they_were(client: Path) -> None:
    torch = pytest.importorskip("torch")
    total = torch.zeros((), requires_grad=True) + 1
    with tunelore.run(spool=client) as run:
        run.log({"loss": total, "vector": torch.ones(3), "meta": torch.ones((), device="meta")})
        total.data += 5
        run.finish({"accuracy": torch.tensor(0.5)})
    whole = only(client)
    assert whole["curve"][0]["values"] == {"loss": 1.0, "meta": None}
    assert whole["primary"]["value"] == 0.5


def test_a_metric_that_is_text_is_left_out_with_a_word(
    client: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="tunelore")
    tunelore.run(spool=client).finish({"accuracy": 0.5, "f1": "0.9", "note": None, "loss": math.inf})
    whole = only(client)
    assert whole["metrics"] == {"validation": {"accuracy": 0.5, "loss": None}}
    assert "the metric 'f1' is of type str, so it is left out; give a number" in caplog.text


def test_what_a_run_goes_on_from(client: Path) -> None:
    first = "019aa0c1-7c00-7b2e-9f3a-0123456789ab"
    tunelore.run(spool=client, resumes=first).finish({"accuracy": 0.5})
    assert only(client)["provenance"]["resumes"] == first


@pytest.mark.parametrize(("variable", "value"), [("RANK", "3"), ("TUNELORE_MODE", "disabled")])
def test_who_does_not_speak_writes_nothing(
    client: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with tunelore.run(spool=client) as run:
        run.log(loss=1.0)
        assert run.id is None
    exits.close_all(5)
    assert not client.exists()


class Broken:
    """Every attribute raises."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


WRONG = [
    None,
    7,
    -1.5,
    "x",
    "\ud800\0",
    b"x",
    [],
    {},
    {"a": {"b": object()}},
    object(),
    Broken(),
    math.nan,
    10**400,
]


def test_wrong_types_everywhere_raise_nothing_and_lose_no_run(client: Path) -> None:
    """Fuzzed with a fixed seed: whatever is given, a valid record comes of it."""
    trouble.raise_errors = False
    draw = random.Random(12)
    names = (
        *("task", "model", "method", "hyperparameters", "dataset", "text_column", "label_column", "kind"),
        *("languages", "domain", "licence", "seed", "resumes", "memory_limit_bytes", "wall_limit_s"),
    )
    for _ in range(150):
        run = tunelore.run(**{name: draw.choice(WRONG) for name in draw.sample(names, 6)}, spool=client)
        run.log(draw.choice(WRONG), step=draw.choice(WRONG), epoch=draw.choice(WRONG))
        run.log({"loss": draw.choice(WRONG), "\ud800": 1.0})
        if draw.random() < 0.5:
            run.finish(draw.choice(WRONG))
        else:
            run.fail(draw.choice([*WRONG, ValueError("\ud800")]))
    exits.close_all(60)
    found = [parcel.record for parcel in parcels(client)]
    assert len(found) == 150
    assert [problem for one in found for problem in record.check(one)] == []


def test_a_clock_that_is_set_back_meanwhile(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tunelore.run(spool=client)
    monkeypatch.setattr(runs, "utc_now", lambda: datetime.now(UTC) - timedelta(hours=1))
    run.finish({"accuracy": 0.5})
    whole = only(client)
    assert whole["finished_at"] >= whole["started_at"]


SCRIPT = """
import os, signal, sys, time
import tunelore
"""


def test_an_uncaught_exception_without_a_block(tmp_path: Path) -> None:
    code, errors, (one,) = finish(SCRIPT + "run = tunelore.run(task='x')\n1 / 0", tmp_path)
    assert code == 1
    assert errors.rstrip().endswith("ZeroDivisionError: division by zero")
    assert outcome(one) == ("error", None, "ZeroDivisionError")


def test_sigterm_in_a_block(tmp_path: Path) -> None:
    body = "with tunelore.run(task='x') as run:\n    os.kill(os.getpid(), signal.SIGTERM)"
    code, _, (one,) = finish(SCRIPT + body, tmp_path)
    assert code == -signal.SIGTERM
    assert outcome(one) == ("killed", "preempted", None)


def test_a_process_that_forks_inside_a_block(tmp_path: Path) -> None:
    body = """
with tunelore.run(task="x") as run:
    if os.fork() == 0:
        run.finish({"accuracy": 0.0})
        os._exit(0)
    os.wait()
    run.finish({"accuracy": 0.5})
"""
    code, _, (one,) = finish(SCRIPT + body, tmp_path)
    assert code == 0
    assert one["primary"]["value"] == 0.5


KILLED = """
print("started", flush=True)
with tunelore.run(task="killed", model="someone/encoder", method="full") as run:
    for step in range(1, 1000):
        run.log({"loss": 1 / step, "eval_accuracy": 0.5}, step=step)
        if step == 100:
            print("far", flush=True)
        time.sleep(0.001)
    print("ending", flush=True)
print("done", flush=True)
time.sleep(60)
"""


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """A dozen here, 480 in the bench: a run that said anything to the disk ends as what it was."""
    draw = random.Random(9)
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        process = start(SCRIPT + KILLED, folder)
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        until_begun(folder)
        time.sleep(draw.uniform(0, 2))
        os.kill(process.pid, signal.SIGKILL)
        output, _ = process.communicate(timeout=30)
        (one,) = waiting(folder)
        ended = "ending" in output and one["outcome"]["status"] == "ok"
        assert ended or outcome(one) == ("killed", "lost", None), output
        assert one["task"]["name"] == "killed"
