"""Rules of experts, from a table that a person can read and change; seconds and memory from first principles.

Knows pipelines, sizes and a table (`rules.json`); knows no run. Start at `read_rules` for a table of your own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from automl.errors import EstimatorError
from automl.estimators.base import KINDS, Estimator, FittedOn, Predictions, describe_runs, learnt
from automl.estimators.feasibility import Feasibility, fit_feasibility
from automl.estimators.feasibility.needs import classes_of, rows_of
from automl.estimators.features import Facts, number, sizes_of
from automl.values import Evidence, Pipeline, Scalar, TaskView

FORMAT = "tunelore.rules/1"
TABLE = Path(__file__).with_name("rules.json")
#: How sure an expert is of a chance of failing.
UNSURE = 0.1


@dataclass(frozen=True)
class Rule:
    """Points and a chance of failing where all conditions hold; a condition is a list of values or a range."""

    when: Mapping[str, tuple[Scalar, ...] | tuple[float, float]]
    ranges: frozenset[str]
    points: float
    failure: float
    why: str

    def holds(self, known: Mapping[str, Scalar]) -> bool:
        """Whether all conditions do; what a pipeline does not have fulfils none."""
        return all(self._meets(name, known.get(name)) for name in self.when)

    def _meets(self, name: str, value: Scalar) -> bool:
        if name not in self.ranges:
            return value is not None and value in self.when[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        low, high = (float(str(one)) for one in self.when[name])
        return low <= value <= high


@dataclass(frozen=True)
class Rules:
    """A table: where everything starts, how far off an expert is, and the rules."""

    points: float
    deviation: float
    failure: float
    rules: Sequence[Rule]


def read_rules(text: str, place: str = "rules") -> Rules:
    """A table from JSON. EstimatorError names the rule and field at fault."""
    try:
        data = json.loads(text)
        if data.get("format") != FORMAT:
            raise ValueError(f"format is {data.get('format')!r}, this version reads {FORMAT!r}")
        start = data["start"]
        rules = [_rule(number, one) for number, one in enumerate(data["rules"], start=1)]
        points, deviation, failure = (float(start[name]) for name in ("points", "deviation", "failure"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise EstimatorError(f"{place} is no table of rules: {reason}") from error
    if not (math.isfinite(points) and 0 < deviation < math.inf and 0 <= failure < 1):
        raise EstimatorError(
            f"{place}: start has {points} points, a deviation of {deviation} and a failure of {failure}; "
            "it takes finite points, a deviation above 0 and a failure in [0, 1)"
        )
    return Rules(points, deviation, failure, rules)


def _rule(number_: int, data: Mapping[str, object]) -> Rule:
    if unknown := sorted(set(data) - {"when", "points", "failure", "why"}):
        raise ValueError(f"rule {number_} has {unknown[0]!r}; it takes when, points, failure and why")
    points, failure = float(str(data.get("points", 0.0))), float(str(data.get("failure", 0.0)))
    if not math.isfinite(points) or not 0 <= failure < 1:
        raise ValueError(f"rule {number_} gives {points} points and a failure of {failure}")
    given = data["when"]
    if not isinstance(given, Mapping) or not given:
        raise ValueError(f"rule {number_} has no conditions, got {given!r}")
    when, ranges = {}, set()
    for name, wanted in given.items():
        if isinstance(wanted, list):
            when[str(name)] = tuple(wanted)
        elif isinstance(wanted, Mapping) and wanted and set(wanted) <= {"from", "to"}:
            low, high = wanted.get("from", -math.inf), wanted.get("to", math.inf)
            when[str(name)] = (float(str(low)), float(str(high)))
            ranges.add(str(name))
        else:
            raise ValueError(f"rule {number_}, {name}: a list, or from and to, got {wanted!r}")
    return Rule(when, frozenset(ranges), points, failure, str(data.get("why", "")))


@lru_cache(maxsize=1)
def shipped() -> str:
    """The table that comes with the library."""
    return TABLE.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Expert:
    """Rules for scores and failures; the limits decide the rest."""

    name: str
    fitted_on: FittedOn
    table: str
    facts: Facts

    def predict(self, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Predictions:
        rules, count = read_rules(self.table), len(pipelines)
        costs = self._feasibility().forecast(pipelines, views)
        held = [_held(rules, self._known(*pair)) for pair in zip(pipelines, views, strict=True)]
        score = np.array([rules.points + sum(one.points for one in each) for each in held], dtype=float)
        lives = np.array([math.prod(1 - one.failure for one in each) for each in held], dtype=float)
        errors = 1 - (1 - rules.failure) * lives
        kinds = np.column_stack([costs.late, costs.too_large, 0.5 * errors, 0.5 * errors])
        return Predictions(
            score,
            np.full(count, rules.deviation),
            costs.log_seconds,
            costs.seconds_deviation,
            costs.log_bytes,
            costs.bytes_deviation,
            np.clip(kinds, 1e-4, 0.999).reshape(count, len(KINDS)),
            np.full(count, UNSURE),
        )

    def why(self, pipeline: Pipeline, view: TaskView) -> list[str]:
        """The reasons of the rules that hold, in the order of the table."""
        return [one.why for one in _held(read_rules(self.table), self._known(pipeline, view))]

    def _feasibility(self) -> Feasibility:
        return fit_feasibility((), self.facts)

    def _known(self, pipeline: Pipeline, view: TaskView) -> dict[str, Scalar]:
        values, rows = dict(pipeline.hyperparameters), rows_of(view) * pipeline.train_fraction
        given = {**values, "method": pipeline.method, "rows": rows, "classes": classes_of(view)}
        if pipeline.language_model is not None:
            given["parameters"] = sizes_of(self.facts, pipeline.language_model).parameters
        rate = number(values, "learning_rate", math.nan)
        return {**given, "learning_rate": rate if math.isfinite(rate) else None}

    def state(self) -> tuple[dict[str, object], dict[str, NDArray[np.generic]]]:
        return {"table": self.table, "facts": {key: dict(one) for key, one in self.facts.items()}}, {}


def _held(rules: Rules, known: Mapping[str, Scalar]) -> list[Rule]:
    return [rule for rule in rules.rules if rule.holds(known)]


def fit_rules(runs: Sequence[Evidence], facts: Facts, sources: Mapping[str, str], seed: int) -> Estimator:
    """The shipped table; the runs only say what it was set beside."""
    return Expert("rules", describe_runs(learnt(runs), sources), shipped(), facts)
