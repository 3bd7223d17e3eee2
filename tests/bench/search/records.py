"""Replay of real fine-tuning records: TransferGraph, one data set left out in turn.

Knows the folder of shared data (TUNELORE_SHARED, default ../shared), which ships nowhere; knows no sampler.
A pipeline is a checkpoint with a method, full or LoRA, at the settings that were recorded. The longest 38 % of
a data set's runs count as timeouts, there and in the store: the records themselves have no failures. The store
is 150 random records of each of the other eight data sets.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean

import numpy as np

from automl.fronts import hypervolume
from automl.space import Method, Space
from automl.values import Evidence, Limits, Pipeline, TaskView
from search.family import Run

FOLDER = Path(os.environ.get("TUNELORE_SHARED", "../shared")) / "data" / "transfergraph"
TOO_LONG, STORE_RUNS, LEAST_PAIRS = 0.38, 150, 200
NAME = "transfergraph"


@dataclass(frozen=True)
class DataSet:
    """One data set: accuracy and seconds of each (checkpoint, method) that was recorded."""

    name: str
    rows: int
    classes: int
    pairs: Mapping[tuple[str, str], tuple[float, float]]

    @property
    def limit_s(self) -> float:
        return float(np.quantile([spent for _, spent in self.pairs.values()], 1 - TOO_LONG))

    def run(self, pair: tuple[str, str]) -> Run:
        score, spent = self.pairs[pair]
        late = spent > self.limit_s
        return Run("timeout", None, None, self.limit_s) if late else Run("ok", None, score, spent)


def available() -> bool:
    """Whether the records are there."""
    return (FOLDER / "records.csv").exists()


def _read(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@lru_cache(maxsize=1)
def data_sets() -> tuple[DataSet, ...]:
    """Those with enough pairs, by name; several records of a pair count as their mean."""
    found: dict[str, dict[tuple[str, str], list[tuple[float, float]]]] = {}
    for row in _read("records.csv"):
        pair, seen = (row["model"], row["method"]), (float(row["accuracy"]), float(row["train_seconds"]))
        found.setdefault(row["dataset"], {}).setdefault(pair, []).append(seen)
    sizes = {
        row["dataset"]: (int(row["size"]), int(row["number_of_classes"])) for row in _read("datasets.csv")
    }
    return tuple(
        DataSet(
            name,
            *sizes[name],
            {pair: (fmean(a for a, _ in seen), fmean(s for _, s in seen)) for pair, seen in pairs.items()},
        )
        for name, pairs in sorted(found.items())
        if len(pairs) >= LEAST_PAIRS
    )


@lru_cache(maxsize=1)
def facts() -> dict[str, dict[str, float]]:
    """What is known of each checkpoint: its parameters."""
    return {
        _key(row["model"]): {"parameters": float(row["number_of_parameters"])} for row in _read("models.csv")
    }


def _key(model: str) -> str:
    return f"hub:{model}@recorded"


def _model(key: str) -> str:
    return key.removeprefix("hub:").removesuffix("@recorded")


class Replay:
    """One data set as a task to search on: the checkpoints that were run with both methods."""

    def __init__(self, place: int) -> None:
        self.data = data_sets()[place]
        both = {model for model, method in self.data.pairs if method == "full"}
        both &= {model for model, method in self.data.pairs if method == "lora"}
        methods = (Method("full", {}), Method("lora", {}))
        self.space = Space(NAME, methods, tuple(_key(model) for model in sorted(both)))
        self.pairs = [(model, method) for model in sorted(both) for method in ("full", "lora")]

    def view(self) -> TaskView:
        return _view(self.data)

    def run(self, pipeline: Pipeline) -> Run:
        return self.data.run((_model(pipeline.language_model or ""), pipeline.method))

    def best(self) -> tuple[float, float]:
        """The hypervolume of everything there is, and the best score within the limit."""
        runs = [self.data.run(pair) for pair in self.pairs]
        good = [(run.score, run.seconds) for run in runs if run.score is not None]
        volume = hypervolume([a for a, _ in good], [b for _, b in good], limit_s=self.data.limit_s)
        return volume, max(a for a, _ in good)


def _view(data: DataSet) -> TaskView:
    features = {"instances": float(data.rows), "classes": float(data.classes)}
    return TaskView(data.name, features, limits=Limits(wall_s=data.limit_s), train_rows=data.rows)


def store(place: int, seed: int) -> tuple[Evidence, ...]:
    """150 random records of every other data set."""
    found: list[Evidence] = []
    for other, data in enumerate(data_sets()):
        if other == place:
            continue
        rng = np.random.default_rng([seed, 8, other])
        pairs = sorted(data.pairs)
        chosen = [pairs[row] for row in rng.permutation(len(pairs))[:STORE_RUNS]]
        found += [_evidence(data, pair) for pair in chosen]
    return tuple(found)


def _evidence(data: DataSet, pair: tuple[str, str]) -> Evidence:
    run, view = data.run(pair), _view(data)
    return Evidence(
        id=f"{data.name}/{pair[0]}/{pair[1]}",
        task=data.name,
        metafeatures=view.metafeatures,
        pipeline=Pipeline(pair[1], {}, _key(pair[0])),
        status=run.status,
        cause=run.cause,
        score=run.score,
        seconds=run.seconds,
        limits=view.limits,
        train_rows=data.rows,
    )
