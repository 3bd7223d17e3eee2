"""Pipelines on tasks as numbers for their seconds: ln of what is counted, which parts it is made of, and habits.

Knows counts and hyper-parameters; knows no run. ln(sum of exp(theta) x part) is, to first order, ln of the sum
plus theta x share of each part: the shares let a store say how far a part's usual constant is off on its
machines, and being within [0, 1] they promise nothing wild of a language model far from all that was timed.

    pipelines  list of n; `views` their n tasks
    physics    (n, PHYSICS + methods); about 0 in the middle of what is usual
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from automl.estimators.feasibility.needs import SPEED, TIME, says_speed, speed_of, time_parts
from automl.estimators.features import Describer, Matrix, number
from automl.values import Pipeline, TaskView

#: Parts whose share of the counted seconds is a feature; training is what remains of the whole.
SHARES = {
    "begin": ("start", "loading"),
    "validation": ("validation",),
    "optimiser": ("optimiser",),
    "steps": ("steps",),
}
HABITS = {"batch_size": (16.0, 2.8), "max_length": (128.0, 4.2), "epochs": (1.0, 1.4)}
PHYSICS = ("intercept", "counted", *SHARES, *HABITS, "plain_counted", "plain")
#: ln of the seconds that are usual with a language model, and without one.
MIDDLE, PLAIN_MIDDLE = 2.5, -2.0
_SHARES = np.array([[part in parts for part in TIME] for parts in SHARES.values()], dtype=float).T


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
    pairs = list(zip(pipelines, views, strict=True))
    parts = np.array([time_parts(one, view, describer.facts) for one, view in pairs], dtype=float)
    parts = parts.reshape(len(pairs), len(TIME))
    whole = parts.sum(axis=1)
    logs, shares = np.log(whole), parts @ _SHARES / whole[:, None]
    plain = np.array([one.language_model is None for one in pipelines], dtype=float)
    habits = np.array([_habits(one) for one in pipelines], dtype=float).reshape(len(pairs), len(HABITS))
    with_model = np.column_stack([logs - MIDDLE, shares, habits]) * (1 - plain)[:, None]
    without = np.column_stack([(logs - PLAIN_MIDDLE) * plain, plain])
    methods = np.eye(len(describer.methods))[describer.method_places(pipelines)]
    return np.hstack([np.ones((len(pairs), 1)), with_model, without, methods])


def _habits(pipeline: Pipeline) -> list[float]:
    """(HABITS,) ln from the middle; ways in which runs differ that no count tells."""
    if pipeline.language_model is None:
        return [0.0] * len(HABITS)
    values = pipeline.hyperparameters
    return [
        math.log(max(number(values, name, usual), 0.1)) - middle for name, (usual, middle) in HABITS.items()
    ]
