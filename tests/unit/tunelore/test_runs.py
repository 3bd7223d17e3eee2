"""One run in memory: outcomes, metrics, curve and the record they become."""

from __future__ import annotations

import errno
import math
import random
import sys
from typing import Any

import pytest
from tunelore import record
from tunelore.runs.measures import MAX_POINTS, Curve, best_seen, by_split, measured, primary, thinned
from tunelore.runs.outcome import classify, from_exception, stack_fingerprint
from tunelore.runs.run import Run
from tunelore.runs.values import finite

FACTS = {
    "task": {"kind": "text-classification", "dataset": {}},
    "pipeline": {"method": "full", "hyperparameters": {}},
    "provenance": {"client": "tunelore/0.1.0", "via": "callback"},
}


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


class TrialPruned(Exception):
    """Named as Optuna's."""


class HfHubHTTPError(OSError):
    """Named as huggingface_hub's."""


def caused(outer: Exception, inner: Exception) -> Exception:
    try:
        raise outer from inner
    except type(outer) as error:
        return error


CPU_OOM = (
    "[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError(CPU_OOM), ("oom", "host")),
        (MemoryError(), ("oom", "host")),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), ("oom", "host")),
        (RuntimeError("std::bad_alloc"), ("oom", "host")),
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), ("oom", "device")),
        (RuntimeError("CUDA error: out of memory"), ("oom", "device")),
        (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), ("oom", "device")),
        (caused(ValueError("wrapped"), RuntimeError(CPU_OOM)), ("oom", "host")),
        (KeyboardInterrupt(), ("killed", "user")),
        (TrialPruned(), ("pruned", None)),
        (HfHubHTTPError("404"), ("error", "download")),
        (OSError(errno.ENOSPC, "No space left on device"), ("error", "disk")),
        (ZeroDivisionError("x"), ("error", None)),
        (ValueError("the column 'out of memory' is missing"), ("error", None)),
    ],
)
def test_exceptions_become_outcomes(error: BaseException, expected: tuple[str, str | None]) -> None:
    assert classify(error) == expected


def fails(secret: str) -> None:
    raise ValueError(secret)


def test_an_outcome_holds_no_text_and_one_fingerprint_for_one_error() -> None:
    found = []
    for secret in ("the text of row 7", "another text"):
        try:
            fails(secret)
        except ValueError as error:
            found.append(from_exception(error, "train", 3))
    first, second = found
    assert first == second
    assert first.exception == "ValueError"
    assert first.stack is not None
    assert len(first.stack) == 71
    assert "row 7" not in repr(first)
    assert stack_fingerprint(None) is None


def test_metrics_go_to_their_splits_under_one_spelling() -> None:
    logs = {
        "eval_macro_f1": 0.5,
        "eval_loss": math.nan,
        "eval_runtime": 2.0,
        "eval_samples_per_second": 9.0,
        "test_accuracy": 0.25,
        "epoch": 1.0,
        "unknown": 3,
        "eval_note": "text",
    }
    assert by_split(logs) == {"validation": {"f1_macro": 0.5, "loss": None}, "test": {"accuracy": 0.25}}


@pytest.mark.parametrize(
    ("values", "chosen", "expected"),
    [
        ({"f1_macro": 0.5, "accuracy": 0.9}, "eval_accuracy", ("f1_macro", 0.5)),
        ({"matthews": 0.5, "accuracy": 0.9}, "matthews", ("matthews", 0.5)),
        ({"loss": 0.5, "accuracy": 0.9}, "eval_loss", ("accuracy", 0.9)),
        ({"f1": 0.3, "accuracy": 0.9}, None, ("f1", 0.3)),
        ({"f1": 92.3, "accuracy": 0.9}, None, ("accuracy", 0.9)),
        ({"f1_macro": None, "accuracy": None}, None, None),
        ({"loss": 0.5}, "loss", None),
        ({}, None, None),
    ],
)
def test_the_primary_score(
    values: dict[str, Any], chosen: str | None, expected: tuple[str, float] | None
) -> None:
    found = primary({"validation": values}, chosen)
    assert (found and (found["metric"], found["value"])) == expected


def test_the_best_seen_of_several_evaluations() -> None:
    seen = [{"validation": {"f1_macro": value}} for value in (0.2, 0.6, 0.4)]
    assert best_seen(seen, None) == {"partial": {"f1_macro": 0.6}}
    assert best_seen([], None) == {}


def test_values_are_finite_or_null() -> None:
    assert [finite(value) for value in (1, 0.5, math.nan, -math.inf, True, None, "1", 10**400)] == [
        1,
        0.5,
        *[None] * 3,
        None,
        1.0,
        None,
    ]
    assert measured({"loss": math.inf, "total_flos": 1e9, "text": "x", "ok": True}) == {"loss": None}


def point(step: int, name: str = "loss") -> dict[str, Any]:
    return {"step": step, "epoch": None, "seconds": 0.0, "values": {name: 0.5}}


def test_a_long_curve_stays_short_and_keeps_ends_and_evaluations() -> None:
    curve = Curve()
    for step in range(100_000):
        curve.add(point(step, "eval_loss" if step % 10_000 == 0 else "loss"))
    assert len(curve.points) < 2 * MAX_POINTS
    steps = [one["step"] for one in curve.points]
    assert steps == sorted(steps)
    assert set(range(0, 100_000, 10_000)) <= set(steps)


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 10, 50])
def test_thinning_keeps_order_and_limit(limit: int) -> None:
    draw = random.Random(limit)
    points = [point(step, draw.choice(["loss", "eval_loss"])) for step in range(40)]
    kept = thinned(points, limit)
    assert len(kept) <= limit
    assert [one["step"] for one in kept] == sorted(one["step"] for one in kept)


def ended(run: Run, logs: list[dict[str, Any]], evaluations: list[dict[str, Any]]) -> dict[str, Any]:
    for step, values in enumerate(logs):
        run.log(step, step / 10, values)
    for step, values in enumerate(evaluations):
        run.evaluated(step, values)
    run.ended(len(logs), 1.0, None)
    whole = run.final()
    assert record.check(whole) == []
    return whole


@pytest.mark.parametrize(
    "bad", [{"loss": math.nan}, {"loss": math.inf}, {"grad_norm": math.nan}, {"eval_loss": math.nan}]
)
def test_a_loss_that_is_not_finite_is_divergence(bad: dict[str, float]) -> None:
    whole = ended(Run(FACTS), [{"loss": 1.0}, bad, {"loss": 0.0}], [{"eval_f1_macro": 0.3}])
    assert (whole["outcome"]["status"], whole["outcome"]["step"]) == ("diverged", 1)
    assert whole["metrics"] == {"partial": {"f1_macro": 0.3}}
    assert whole["primary"] is None


def test_a_loss_scaler_may_meet_gradients_that_are_not_finite() -> None:
    whole = ended(Run(FACTS, scaled=True), [{"loss": 1.0, "grad_norm": math.inf}], [{"eval_accuracy": 0.3}])
    assert whole["outcome"]["status"] == "ok"


def test_a_primary_metric_that_is_not_finite_is_divergence() -> None:
    assert (
        ended(Run(FACTS), [{"loss": 1.0}], [{"eval_f1_macro": math.nan}])["outcome"]["status"] == "diverged"
    )


def test_a_run_without_any_metric_has_an_unknown_outcome() -> None:
    assert ended(Run(FACTS), [], [])["outcome"]["status"] == "unknown"


def test_a_run_that_nobody_ended_is_unknown_and_a_suspicion_is_taken_then() -> None:
    run = Run(FACTS)
    run.left()
    assert run.final()["outcome"]["status"] == "unknown"


def test_what_is_measured_after_training_counts_and_costs_its_time() -> None:
    run = Run(FACTS)
    run.log(1, 0.1, {"loss": 1.0})
    run.evaluated(1, {"eval_f1_macro": 0.2, "eval_runtime": 1.0})
    run.ended(1, 1.0, 1)
    run.evaluated(1, {"eval_f1_macro": 0.3, "eval_runtime": 100.0})
    run.evaluated(1, {"test_f1_macro": 0.4, "test_runtime": 50.0})
    whole = run.final()
    assert whole["metrics"] == {"validation": {"f1_macro": 0.3}, "test": {"f1_macro": 0.4}}
    assert 100 <= whole["cost"]["evaluation_s"] < 150
    assert whole["cost"]["predict_s"] == 100


def test_the_kept_checkpoints_evaluation_counts() -> None:
    run = Run(FACTS)
    for step, value in ((10, 0.2), (20, 0.6), (30, 0.4)):
        run.evaluated(step, {"eval_f1_macro": value})
    run.ended(30, 3.0, 20)
    assert run.final()["primary"] == {"split": "validation", "metric": "f1_macro", "value": 0.6}


def test_a_huge_record_is_cut_to_size() -> None:
    run = Run({**FACTS, "extra": {"text": "x" * 200_000}})
    for step in range(700):
        run.log(step, step / 10, {f"loss_{number}": 0.123456789 for number in range(10)})
    run.ended(700, 1.0, None)
    whole = run.final()
    assert record.check(whole) == []
    assert whole["curve"]


def test_only_one_caller_may_write_the_end() -> None:
    run = Run(FACTS)
    assert run.claim()
    assert not run.claim()


def test_the_partial_record_is_a_valid_run() -> None:
    assert record.check_run(Run(FACTS).partial()) == []


def test_memory_is_that_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    run = Run(FACTS)
    run.left()
    used = run.final()["cost"]["host_memory_bytes"]
    assert 1_000_000 < used < 2**40
