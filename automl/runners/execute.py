"""Run one pipeline in this process: load, train, validate, then judge once on the test rows.

`execute` is what the child process and a user's script both call. It knows no limits and survives nothing.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from automl.errors import SourceError
from automl.runners.base import TrialResult, TrialSpec
from automl.runners.energy import Meter, meter_of
from automl.runners.failures import Diverged, Pruned, classify, fingerprint
from automl.runners.memory import peak_bytes
from automl.runners.settings import SHARES, TUNED, plain
from automl.runners.state import Report, State, Trained, cpu_now
from automl.sources.datasets import load
from automl.sources.fractions import fraction_of
from automl.sources.rows import ANSWERS, Splits
from automl.sources.splitting import prepare
from automl.values import A_FRACTION, TRAIN_FRACTION, is_fraction

# The rows that are cut do not depend on the seed of the run: runs of one task are judged on the same rows.
SPLIT_SEED = 20261121


def execute(spec: TrialSpec, report: Report = lambda state: None) -> TrialResult:
    """The whole run; failures of the pipeline come back as a result, not as an exception.

    `evaluation_s` counts from here to the end of validation: checkpoint loading included, the import of
    libraries not (call `warm_up` before), reading the dataset not (it is the task's, not the pipeline's).
    """
    started, load_before = now(), load_average()
    state, report = State(), metered(report)
    try:
        splits = read(spec)
        seed_everything(spec.seed)
        state.begin(meter_of(spec.device, spec.powercap))
        state.enter("load", report)
        trained = method_of(spec)(spec, splits, state, report)
        cost = {**trained.cost, **spent(state)}
        check_finite(trained.validation, spec.metric)
        state.enter("predict", report)
        metrics: dict[str, dict[str, float | None]] = {
            "validation": dict(trained.validation),
            "test": dict(trained.judge()),
        }
    except Exception as error:
        return failed(spec, state, error, started, load_before)
    value = trained.validation[spec.metric]
    return TrialResult(
        status="ok",
        started_at=started,
        finished_at=now(),
        metrics=metrics,
        primary={"split": "validation", "metric": spec.metric, "value": value},
        cost=cost,
        curve=state.curve,
        conditions=conditions(spec, load_before, state.meter),
        fidelity={"train_rows": len(splits.train), "epochs": trained.epochs},
        language_model_features=trained.features,
    )


def failed(
    spec: TrialSpec, state: State, error: Exception, started: str, load_before: float | None
) -> TrialResult:
    status, cause = classify(error)
    pruned = isinstance(error, Pruned)
    return TrialResult(
        status=status,
        started_at=started,
        finished_at=now(),
        phase=state.phase,
        cause=cause,
        # A rule that applied is no fault that somebody would look for in the code.
        exception=None if pruned else type(error).__name__,
        stack=None if pruned else fingerprint(error),
        pruning=dict(error.why) if isinstance(error, Pruned) else {},
        fidelity={"epochs": state.epoch} if pruned else {},
        step=state.step,
        metrics=partial(spec, state.best),
        cost=spent(state),
        curve=state.curve,
        conditions=conditions(spec, load_before, state.meter),
    )


def partial(spec: TrialSpec, best: float | None) -> dict[str, dict[str, float | None]]:
    """The best score seen before a run ended otherwise than well, said as such."""
    return {"partial": {spec.metric: best}} if best is not None else {}


def method_of(spec: TrialSpec) -> Callable[[TrialSpec, Splits, State, Report], Trained]:
    """The function that trains this method on this kind of task; SourceError for one that nobody wrote."""
    name, tuned = plain(spec.pipeline.method), tuple(TUNED)
    if spec.dataset.kind == ANSWERS:
        if name in tuned:
            from automl.runners.answering.training import answer

            return answer
        message = f"unknown method {name!r} of question answering; known: {', '.join(tuned)}"
        raise SourceError("unknown_method", "method", message)
    if name in tuned:
        from automl.runners.finetune import finetune

        return finetune
    if name == "probe":
        from automl.runners.probe import probe

        return probe
    if name == "linear":
        from automl.runners.linear import linear

        return linear
    raise SourceError(
        "unknown_method", "method", f"unknown method {name!r}; known: full, lora, partial, probe, linear"
    )


def warm_up(method: str) -> None:
    """Import what the method needs, so that imports are no part of its time."""
    import sklearn.linear_model
    import sklearn.metrics

    if method != "linear":
        import torch
        import transformers

        _ = torch.__version__, transformers.Trainer
    if plain(method) == "lora":
        import peft

        _ = peft.LoraConfig
    _ = sklearn.linear_model, sklearn.metrics


def read(spec: TrialSpec) -> Splits:
    """The rows of the run, cut as asked; what it is judged on does not depend on the pipeline."""
    labelled = load(spec.dataset, roots=spec.data_roots, cache=spec.cache)
    rows = {"validation_rows": spec.validation_rows, "test_rows": spec.test_rows}
    splits = prepare(labelled, spec.train_rows, SPLIT_SEED, **rows)
    share = SHARES[str(spec.pipeline.hyperparameters.get("data_downsize", "none"))]
    if share != 1.0:
        splits = prepare(labelled, math.ceil(share * len(splits.train)), SPLIT_SEED, **rows)
    return replace(splits, train=fraction_of(splits.train, _fraction(spec), SPLIT_SEED))


def _fraction(spec: TrialSpec) -> float:
    """The share of the training rows that the pipeline takes; SourceError for what is none."""
    value = spec.pipeline.hyperparameters.get(TRAIN_FRACTION, 1)
    if is_fraction(value):
        return float(value)
    message = f"{TRAIN_FRACTION} must be {A_FRACTION}, got {value!r}; leave it out for all rows"
    raise SourceError("bad_fraction", TRAIN_FRACTION, message)


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)


def check_finite(validation: dict[str, float], metric: str) -> None:
    if not math.isfinite(validation[metric]):
        raise Diverged(f"{metric} is {validation[metric]}")


def metered(report: Report) -> Report:
    """The report, and with it a look at the counters of energy, which begin again after a while."""

    def looked(state: State) -> None:
        state.meter.keep_up()
        report(state)

    return looked


def spent(state: State) -> dict[str, Any]:
    """Time since the start of training, the most memory there ever was, and joules where they are counted."""
    return {
        **joules(state.meter),
        "evaluation_s": round(time.monotonic() - state.began, 3),
        "cpu_s": round(cpu_now() - state.began_cpu, 3),
        "host_memory_bytes": peak_bytes(),
    }


def joules(meter: Meter) -> dict[str, float]:
    """The cost in energy; {} where it is not known."""
    found = meter.joules()
    return {} if found is None else {"energy_j": found}


def conditions(spec: TrialSpec, load_before: float | None, meter: Meter | None = None) -> dict[str, Any]:
    """How the machine was used; `energy_of` says whose energy was counted, where any was."""
    said = {"threads": spec.threads, "load": load_before, "device": spec.device.partition(":")[0]}
    return {**said, "energy_of": meter.words} if meter is not None and meter.words else said


def load_average() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
