"""Recorded seconds and bytes, moved to another task by what the library counts for both.

It reads no row but language models' features; the counts are `automl.estimators.feasibility`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from automl.estimators.feasibility import fit_feasibility
from automl.values import Features, Pipeline, TaskView
from knowledgebase.searches.bridge.names import language_model_facts


@dataclass(frozen=True)
class Recorded:
    """What a recorded run was: its choice, and the rows that it was trained on, its fraction taken."""

    method: str
    hyperparameters: Mapping[str, str | int | float | bool | None]
    language_model: str | None
    train_rows: int | None
    metafeatures: Mapping[str, object]


def moved(
    runs: Sequence[Recorded], metafeatures: Mapping[str, object], train_rows: int | None
) -> list[tuple[float, float]]:
    """By how much seconds and bytes of each run have to be multiplied on a task of so many rows and such texts.

    1 and 1 for a run on the same; the machine is the run's own.
    """
    keys = sorted({run.language_model for run in runs if run.language_model})
    model = fit_feasibility((), language_model_facts(keys))
    pipelines = [Pipeline(run.method, run.hyperparameters, run.language_model) for run in runs]
    before_cut = [one.rows_before(run.train_rows) for one, run in zip(pipelines, runs, strict=True)]
    there = [
        TaskView("there", _values(run.metafeatures), train_rows=rows)
        for run, rows in zip(runs, before_cut, strict=True)
    ]
    here = TaskView("here", _values(metafeatures), train_rows=train_rows)
    before, after = model.forecast(pipelines, there), model.forecast(pipelines, [here] * len(runs))
    seconds = np.exp(after.log_seconds - before.log_seconds)
    size = np.exp(after.log_bytes - before.log_bytes)
    return list(zip(seconds.tolist(), size.tolist(), strict=True))


def _values(metafeatures: Mapping[str, object]) -> Features:
    values = metafeatures.get("values")
    given = values if isinstance(values, Mapping) else {}
    return {
        str(name): float(value)
        for name, value in given.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
