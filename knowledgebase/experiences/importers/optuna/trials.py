"""One trial of Optuna as a record, whichever storage it came from. It reads no file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tunelore import record as records

from knowledgebase.experiences.importers import scores
from knowledgebase.experiences.importers.items import Unreadable
from knowledgebase.experiences.importers.texts import json_value
from knowledgebase.experiences.importers.values import (
    CLIENT,
    fitted,
    hyperparameters,
    infinite,
    kept,
    number,
    text,
    thinned,
    utc,
    without_nothing,
)

VIA = "import:optuna"
STATES = {"COMPLETE": "ok", "FAIL": "error", "PRUNED": "pruned"}
MOST_POINTS = 800
MAX_TRIALS = 1_000_000


@dataclass
class Study:
    """A study; directions by objective."""

    name: str
    directions: list[str] = field(default_factory=list)
    user: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)

    def objectives(self, count: int) -> list[str]:
        """The name of each objective: the study's own, else objective, or objective_0, objective_1, ..."""
        names = self.system.get("study:metric_names")
        if isinstance(names, list) and len(names) == count and all(text(name, scores.MOST) for name in names):
            return [str(name) for name in names]
        return ["objective"] if count == 1 else [f"objective_{place}" for place in range(count)]


@dataclass
class Trial:
    """A trial; ``start`` and ``end`` as they were written, ``in_utc`` where a time without a zone is UTC."""

    study: Study
    number: int
    state: str
    start: str | None = None
    end: str | None = None
    in_utc: bool = False
    params: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, Any] = field(default_factory=dict)
    values: Sequence[Any] = ()
    steps: dict[int, Any] = field(default_factory=dict)
    user: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)


def record_of(trial: Trial) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The record of a trial, and what did not fit; Unreadable for values that cannot be."""
    if trial.state not in STATES and not unfinished(trial):
        raise Unreadable(f"unknown state {trial.state[:40]}")
    study = trial.study
    objectives = study.objectives(max(len(trial.values), len(study.directions), 1))
    values = dict(zip(objectives, trial.values, strict=False))
    metrics, rest = scores.by_split({name: _finite(value, name) for name, value in values.items()})
    status = _status(trial, values, metrics)
    named, left = hyperparameters(trial.params.items())
    record = {
        "schema": "tunelore.experience/1",
        "id": records.import_id("optuna", _identity(trial)),
        **_times(trial),
        "task": {
            "kind": "unknown",
            "name": text(study.user.get("task"), 200),
            "dataset": {"source": "unknown"},
        },
        "system": None,
        "pipeline": {"method": "unknown", "space": None, "hyperparameters": named},
        "outcome": {"status": status},
        "metrics": metrics,
        "primary": scores.primary(metrics) if status == "ok" else None,
        "curve": thinned(_curve(trial, objectives), MOST_POINTS),
        "provenance": {"client": CLIENT, "via": VIA, "search": text(study.name, 64), "trial": trial.number},
        "extra": {"optuna": _extra(trial, {**left, **rest})},
    }
    return fitted(record)


def unfinished(trial: Trial) -> str:
    """Why a trial may yet become another one, empty where it has ended."""
    return f"is still {trial.state} in Optuna" if trial.state in ("RUNNING", "WAITING") else ""


def _identity(trial: Trial) -> str:
    try:
        return records.canonical(
            [trial.study.name, trial.number, trial.start, kept(trial.params, 20)]
        ).decode()
    except records.RecordError as error:
        raise Unreadable(str(error)) from error


def _status(trial: Trial, values: Mapping[str, Any], metrics: scores.Splits) -> str:
    """A complete trial whose objective is not finite has diverged; one without a value says nothing."""
    status = STATES.get(trial.state, "unknown")
    if status != "ok":
        return status
    if any(infinite(value) for value in values.values()):
        return "diverged"
    return "ok" if metrics else "unknown"


def _finite(value: Any, name: str) -> int | float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise Unreadable(f"the value of {name[:60]} must be a number, not {str(value)[:60]!r}")
    return number(value)


def _times(trial: Trial) -> dict[str, str | None]:
    """Optuna before 5 wrote the local time of a machine whose zone nobody knows: such times stay under extra."""
    start, end = (_moment(value, trial.in_utc) for value in (trial.start, trial.end))
    if start is not None and end is not None and end < start:
        raise Unreadable(f"datetime_complete {trial.end} is before datetime_start {trial.start}")
    told = [None if moment is None else utc(moment) for moment in (start, end)]
    return {"started_at": told[0], "finished_at": told[1]}


def _moment(value: str | None, in_utc: bool) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC) if in_utc else None
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"{value[:60]!r} is no time") from error


def _curve(trial: Trial, objectives: Sequence[str]) -> list[dict[str, Any]]:
    name = objectives[0] if len(objectives) == 1 else "objective"
    return [
        {"step": step, "epoch": None, "values": {name: _finite(value, f"step {step}")}}
        for step, value in sorted(trial.steps.items())
        if 0 <= step < 2**53
    ]


def _extra(trial: Trial, left: Mapping[str, Any]) -> dict[str, Any]:
    study = trial.study
    told = {
        "study": study.name,
        "directions": list(study.directions),
        "study_attributes": kept(study.user),
        "state": trial.state,
        "datetime_start": trial.start,
        "datetime_complete": trial.end,
        "distributions": kept(trial.distributions),
        "user_attributes": kept(trial.user),
        "system_attributes": kept(trial.system),
        "not_named": kept(dict(left)),
    }
    return without_nothing(told)


def external(value: Any, distribution: Any) -> Any:
    """A parameter as the objective saw it, from the number that a storage keeps and its distribution."""
    if not isinstance(distribution, dict) or not isinstance(distribution.get("name"), str):
        raise Unreadable(f"a distribution must have a name, not {str(distribution)[:60]!r}")
    name, attributes = distribution["name"], distribution.get("attributes")
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(f"a parameter must be stored as a number, not {str(value)[:60]!r}")
    if name == "CategoricalDistribution":
        choices = attributes.get("choices") if isinstance(attributes, dict) else None
        if not isinstance(choices, list) or not float(value).is_integer() or not 0 <= value < len(choices):
            raise Unreadable(f"a parameter names choice {value} of {str(choices)[:60]}")
        return choices[int(value)]
    if name.startswith("Int") and float(value).is_integer():
        return int(value)
    return float(value)


def distribution_of(written: Any) -> Any:
    """A distribution from its JSON."""
    if not isinstance(written, str):
        raise Unreadable(f"a distribution must be JSON in text, not {str(written)[:60]!r}")
    return json_value(written.encode("utf-8", "surrogatepass"))
