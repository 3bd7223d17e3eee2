"""Pipelines on tasks as numbers for their seconds: ln of what is counted, and the shape in which that may be off.

Knows counts, sizes and hyper-parameters; knows no run. What is counted part by part carries over to language models
and machines that nobody has timed. A smooth shape of the operations, steps and sizes beside it fits a store
closely, and is worth little beyond it.

    pipelines  list of n; `views` their n tasks
    physics    (n, PHYSICS + methods); about 0 in the middle of what is usual
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from automl.estimators.feasibility.needs import SPEED, says_speed, speed_of, time_parts
from automl.estimators.features import (
    Describer,
    Matrix,
    Sizes,
    frozen_share,
    number,
    plain_method,
    train_rows,
    usual_length,
)
from automl.values import LARGEST, Pipeline, TaskView

#: The cost of going backwards over that of going forwards.
BACKWARD = {"full": 2.0, "lora": 1.2, "partial": 2.0, "probe": 0.0, "linear": 0.0}
#: Operations (with lengths read as words, as some say them), steps, weights that a token passes, going backwards.
SHAPE = ("work", "steps", "core", "backward", "work^2", "steps^2", "work*steps")
PHYSICS = ("intercept", "counted", "batch_size", "max_length", "epochs", *SHAPE, "plain_counted", "plain")
#: ln of the counted seconds that are usual with a language model, and without one.
MIDDLE, PLAIN_MIDDLE = 5.0, -2.0


@dataclass(frozen=True)
class Machines:
    """How fast the machines are taken to be: as measured, the unknown ones as is usual among the others.

    Where no run of the store says its machine's speed, all are taken for the target's, for one that is known
    and one that is not would be compared otherwise.
    """

    speed: float
    measured: bool

    @classmethod
    def of(cls, views: Sequence[TaskView], target: TaskView) -> Machines:
        """Those of the store's runs, and of the target where there are none."""
        known = [speed_of(view) for view in views if says_speed(view)]
        speed = float(np.median(known)) if known else speed_of(target)
        return cls(speed, bool(known) or not views)

    def seen(self, view: TaskView) -> TaskView:
        """The view with a speed that can be compared with the others'."""
        if self.measured and says_speed(view):
            return view
        return replace(view, system={**view.system, SPEED: self.speed})


def physics(describer: Describer, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Matrix:
    """(n, PHYSICS + methods) of pipelines on their n tasks."""
    rows = [_row(describer, *pair) for pair in zip(pipelines, views, strict=True)]
    found = np.array(rows, dtype=float).reshape(len(rows), len(PHYSICS))
    return np.hstack([found, np.eye(len(describer.methods))[describer.method_places(pipelines)]])


def _row(describer: Describer, pipeline: Pipeline, view: TaskView) -> list[float]:
    counted = math.log(min(sum(time_parts(pipeline, view, describer.facts)), LARGEST))
    if pipeline.language_model is None:
        return [1.0] + [0.0] * (len(PHYSICS) - 3) + [counted - PLAIN_MIDDLE, 1.0]
    values = pipeline.hyperparameters
    batch, most = max(number(values, "batch_size", 16.0), 1), max(number(values, "max_length", 128.0), 1)
    epochs = max(number(values, "epochs", 1.0), 0.1)
    row = [1.0, counted - MIDDLE, math.log(batch) - 2.8, math.log(most) - 4.2, math.log(epochs) - 1.4]
    seen = train_rows(pipeline, view) * epochs
    shape = _shape(
        pipeline, describer.sizes[pipeline.language_model], seen, min(most, 1.3 * usual_length(view) + 8)
    )
    return [*row, *shape, 0.0, 0.0]


def _shape(pipeline: Pipeline, size: Sizes, seen: float, tokens: float) -> list[float]:
    """(SHAPE,) of texts of so many tokens, so many of them seen."""
    values = pipeline.hyperparameters
    back = BACKWARD.get(plain_method(pipeline.method), 2.0) * (1 - frozen_share(values, size.layers))
    passed = size.core + 2 * size.layers * size.hidden * tokens
    work = sum(map(math.log, (passed, seen, tokens, 1 + back))) - 31.0
    steps = math.log(seen / max(number(values, "batch_size", 16.0), 1) * size.layers) - 7.5
    core = math.log(size.core) - 17.5
    return [work, steps, core, back - 1.2, work * work / 4, steps * steps / 4, work * steps / 4]
