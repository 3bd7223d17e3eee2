"""A trial and what became of it as a record, version 1.

It knows the record's fields; what a task, a system and a condition are is described by tunelore.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils import timezone
from tunelore.record import SCHEMA_ID

from automl.runners.base import TrialResult
from automl.runners.settings import plain
from automl.values import Pipeline
from knowledgebase.searches.bridge.datasets import task_description
from knowledgebase.searches.bridge.names import language_model_features
from knowledgebase.searches.models import Trial

CLIENT = "tunelore-hub/0.1.0"


@dataclass(frozen=True)
class Ending:
    """How a run ended, with its record. Score in [0, 1], higher is better; seconds; bytes; joules."""

    status: str
    record: Mapping[str, object] = field(repr=False)
    cause: str = ""
    phase: str = ""
    score: float | None = None
    seconds: float | None = None
    memory_bytes: int | None = None
    trainable_parameters: int | None = None
    energy_j: float | None = None
    pruning: Mapping[str, object] = field(default_factory=dict)
    """Why its curve stopped it, with the score that it had reached; {} for any other end."""


def result_record(
    trial: Trial, result: TrialResult, system: Mapping[str, object], device_speed: float | None
) -> dict[str, object]:
    """The record of a run that the runner saw to its end, however it ended."""
    record = _frame(trial) | {
        "started_at": result.started_at,
        "finished_at": result.finished_at,
        "system": dict(system),
        "language_model": _language_model(trial),
        "fidelity": _fidelity(trial, result.fidelity),
        "outcome": {
            "status": result.status,
            "phase": result.phase,
            "cause": result.cause,
            "exception": result.exception,
            "stack": result.stack,
            "step": result.step,
        },
        "metrics": {split: dict(values) for split, values in result.metrics.items() if values},
        "primary": dict(result.primary) if result.primary and result.status == "ok" else None,
        "cost": dict(result.cost) if result.cost else None,
        "curve": [dict(point) for point in result.curve],
        "conditions": {**result.conditions, "device_speed": device_speed},
    }
    return {name: value for name, value in record.items() if value is not None or name == "language_model"}


def lost_record(trial: Trial) -> dict[str, object]:
    """The record of a trial whose workers died: it says nothing against the pipeline."""
    now = timezone.now().isoformat(timespec="milliseconds")
    started = trial.started_at.isoformat(timespec="milliseconds") if trial.started_at else now
    phase = trial.progress.get("phase")
    return _frame(trial) | {
        "started_at": started,
        "finished_at": now,
        "language_model": _language_model(trial),
        "outcome": {"status": "killed", "phase": phase, "cause": "lost"},
    }


def _frame(trial: Trial) -> dict[str, object]:
    search = trial.search
    return {
        "schema": SCHEMA_ID,
        "id": str(trial.pk),
        "task": task_description(search.dataset),
        "pipeline": {
            "method": plain(trial.method),
            "space": search.space,
            "hyperparameters": trial.hyperparameters,
        },
        "provenance": {
            "client": CLIENT,
            "via": "search",
            "seed": trial.seed,
            "search": str(search.pk),
            "trial": trial.number,
        },
        "limits": {"wall_s": search.wall_s, "host_memory_bytes": search.host_memory_bytes},
    }


def _language_model(trial: Trial) -> dict[str, object] | None:
    """The record's language model from its key "source:name@revision#variant"; None for methods without one."""
    if not trial.language_model:
        return None
    source, _, rest = trial.language_model.partition(":")
    rest, _, variant = rest.partition("#")
    name, _, revision = rest.partition("@")
    described: dict[str, object] = {"source": source, "name": name, "revision": revision or None}
    if variant:
        described["variant"] = variant
    if features := language_model_features(trial.language_model):
        described["features"] = dict(features)
    return described


def _fidelity(trial: Trial, fidelity: Mapping[str, object]) -> dict[str, object]:
    """The runner's fidelity with the share of the user's training rows, in (0, 1].

    A run that died before it could count its rows is said to have had those it asked for: the fraction that its
    pipeline takes of what the search allows.
    """
    whole = trial.search.dataset.train_rows or 0
    allowed = min(trial.search.train_rows or whole, whole)
    asked = round(allowed * Pipeline(trial.method, trial.hyperparameters).train_fraction)
    rows = fidelity.get("train_rows") or max(asked, min(allowed, 1))
    share = min(1.0, rows / whole) if isinstance(rows, int) and rows and whole else None
    return {"train_fraction": share, "train_rows": rows or None, **fidelity}
