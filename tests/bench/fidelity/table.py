"""A table of real runs: pipelines on fractions of the training rows of shared data sets, in processor seconds.

Knows the runner and the files that keep what has run; knows no search.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from automl.runners.base import TrialSpec
from automl.runners.execute import execute, warm_up
from automl.sources.datasets import DatasetRef
from automl.sources.language_models import MINILM
from automl.space import Choice, Integer, Parameter, Real, Space
from automl.spaces.tunelore import tunelore
from automl.values import TRAIN_FRACTION, Outcome, Pipeline

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("TUNELORE_SHARED", ROOT.parent / "shared")) / "data" / "classification"
FRACTIONS = (1 / 9, 1 / 3, 1)
#: Rows to train on, of 4,909 and 6,000 that there are; rows to judge.
TRAIN_ROWS, JUDGED_ROWS = 1800, 300
#: Seconds at which nothing counts any more.
LIMIT_S = 40.0
MODELS = tuple(MINILM + variant for variant in ("#layers=1", "#layers=2", "#layers=4"))
TRAINED = MODELS[:1]
#: So few steps teach no network 77 classes (a score of 0.08 in half a minute): there the others are compared alone.
UNTRAINED_ON = ("banking77",)


@dataclass(frozen=True)
class Row:
    """A real run of the table."""

    pipeline: Pipeline
    score: float | None
    seconds: float

    def outcome(self, number: int) -> Outcome:
        """Under the limit: what took longer was stopped there."""
        if self.score is None or self.seconds >= LIMIT_S:
            status = "timeout" if self.seconds >= LIMIT_S else "error"
            return Outcome(number, self.pipeline, status, "wall", seconds=min(self.seconds, LIMIT_S))
        return Outcome(number, self.pipeline, "ok", score=self.score, seconds=self.seconds)


def datasets() -> dict[str, DatasetRef]:
    """Short texts with many rows; SystemExit where the shared data is not there."""
    if not SHARED.is_dir():
        raise SystemExit(f"{SHARED} is not there; TUNELORE_SHARED names the shared data folder")
    columns = {"trec": ("tsv", "question", "coarse"), "banking77": ("parquet", "text", "label")}
    return {
        name: DatasetRef(
            "file",
            name,
            path=f"{name}/train.{ending}",
            validation_path=f"{name}/validation.{ending}",
            test_path=f"{name}/test.{ending}",
            text_columns=(text,),
            label_column=label,
        )
        for name, (ending, text, label) in columns.items()
    }


def spec_of(dataset: DatasetRef, pipeline: Pipeline) -> TrialSpec:
    return TrialSpec(
        pipeline,
        dataset,
        train_rows=TRAIN_ROWS,
        validation_rows=JUDGED_ROWS,
        test_rows=20,
        seed=1,
        cache=str(ROOT / "build" / "cache"),
        data_roots=(str(SHARED),),
    )


@cache
def drawn() -> Sequence[Pipeline]:
    """34 pipelines without a fraction, so ordered that every beginning has all methods in their shares.

    What trains has one layer and few epochs, or the table would take hours; and the upper part of the learning
    rates, because below it so few steps leave constant predictors, whatever the fraction.
    """
    rng, space = np.random.default_rng(20261121), tunelore(MODELS)
    own: dict[str, dict[str, Parameter]] = {
        name: {
            "learning_rate": Real(3e-4, 1e-3, log=True),
            "epochs": Integer(2, 3, log=True),
            "batch_size": Choice((16,)),
        }
        for name in ("partial", "full")
    }
    found: list[tuple[float, Pipeline]] = []
    for method, models, count in (
        ("linear", MODELS, 10),
        ("probe", MODELS, 12),
        ("partial", TRAINED, 5),
        ("full", TRAINED, 7),
    ):
        narrow = {**own.get(method, {}), **({} if method == "linear" else {"max_length": Choice((32, 48))})}
        parameters = {f"{method}.{name}": one for name, one in narrow.items()}
        part = space.restrict(methods=[method], language_models=models, parameters=parameters)
        named = [replace(one, space=space.name) for one in part.sample(rng, count)]
        found += [((place + 0.5) / count, one) for place, one in enumerate(named)]
    return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))


def drawn_for(name: str) -> list[Pipeline]:
    """Those that run on a task."""
    return [one for one in drawn() if name not in UNTRAINED_ON or one.method in ("linear", "probe")]


def make_table(kept: Path, minutes: float) -> None:
    """Runs what is missing until all is there or the minutes are over."""
    import torch

    torch.set_num_threads(1)
    warm_up("full")
    known: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    end = time.monotonic() + 60 * minutes
    for one in drawn():
        for name, dataset in datasets().items():
            for fraction in FRACTIONS if one in drawn_for(name) else ():
                key = key_of(name, one, fraction)
                if key in known or time.monotonic() > end:
                    continue
                known[key] = run_one(dataset, one, fraction)
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(known), encoding="utf-8")
                print(f"{len(known):4} {name} {one.method} {fraction:.3f}: {known[key]}", flush=True)


def key_of(name: str, pipeline: Pipeline, fraction: float) -> str:
    return f"{name} {TRAIN_ROWS} {fraction:.6f} {pipeline.key()}"


def run_one(dataset: DatasetRef, pipeline: Pipeline, fraction: float) -> dict[str, Any]:
    """One real run in this process: the libraries are loaded, and no limit ends it."""
    values = {**pipeline.hyperparameters, TRAIN_FRACTION: fraction}
    result = execute(spec_of(dataset, replace(pipeline, hyperparameters=values)))
    return {
        "status": result.status,
        "score": result.primary["value"] if result.primary else None,
        "seconds": result.cost.get("cpu_s"),
        "rows": result.fidelity.get("train_rows"),
    }


def rows_of(known: Mapping[str, Any], name: str, space: Space) -> list[Row]:
    """The table of a task: pipelines that ran on every fraction, as the space has them."""
    found = []
    for one in drawn_for(name):
        runs = [known.get(key_of(name, one, fraction)) for fraction in FRACTIONS]
        if all(run is not None for run in runs):
            for fraction, run in zip(FRACTIONS, runs, strict=True):
                values = {**one.hyperparameters, TRAIN_FRACTION: float(f"{fraction:.6g}")}
                found.append(Row(replace(one, hyperparameters=values), run["score"], run["seconds"]))
    if wrong := [reason for row in found for reason in space.reasons(row.pipeline)]:
        raise SystemExit(f"the table has pipelines outside of its space: {wrong[0]}")
    return found


def whole(rows: Sequence[Row]) -> list[Row]:
    """The runs on all rows, as pipelines of a space without fractions."""
    return [
        replace(row, pipeline=replace(row.pipeline, hyperparameters=_without(row.pipeline)))
        for row in rows
        if row.pipeline.train_fraction == 1
    ]


def _without(pipeline: Pipeline) -> dict[str, Any]:
    return {name: value for name, value in pipeline.hyperparameters.items() if name != TRAIN_FRACTION}
