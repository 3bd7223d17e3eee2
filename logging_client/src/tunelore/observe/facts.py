"""The parts of a record that are known when training starts; what takes time is left to a later call.

Knows no spool and no network.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunelore import __version__, trouble
from tunelore.describe import conditions, system
from tunelore.observe.choice import (
    Scalar,
    base_model,
    count_parameters,
    language_model,
    pipeline,
    script_pipeline,
    task_kind,
)
from tunelore.observe.cost import limits
from tunelore.observe.dataset import named_dataset
from tunelore.observe.series import resumed, run_id
from tunelore.runs.values import clean, label_words, pathless

Facts = dict[str, Any]
MAX_LABELS = 1_000
SPEED_S = 0.02  # a training waits for it; ten products on a slow core


@dataclass(frozen=True)
class Told:
    """What the user says about a run; everything may be left out."""

    task: str | None = None
    dataset: Any = None
    text_column: str | Sequence[str] = "text"
    label_column: str = "label"
    language_model: str | None = None
    kind: str | None = None
    languages: Sequence[str] = ()
    domain: str | None = None
    licence: str | None = None
    hyperparameters: Mapping[str, Scalar] = field(default_factory=dict)
    memory_limit_bytes: int | None = None
    wall_limit_s: float | None = None


def facts_at_start(told: Told, args: Any, model: Any, processing_class: Any, state: Any) -> Facts:
    """Everything that attributes and one short measurement tell, part by part: one failing leaves the rest."""
    facts = _least(told, "callback")
    parts: dict[str, Callable[[], Any]] = {
        "task": lambda: _task(told, model),
        "system": lambda: system(waken=False),
        "language_model": lambda: language_model(model, told.language_model),
        "pipeline": lambda: pipeline(args, model, processing_class, told.hyperparameters),
        "provenance": lambda: {**facts["provenance"], **_provenance(told, args, state)},
        "conditions": lambda: conditions(device=_device(args), seconds=SPEED_S),
        "limits": lambda: limits(told.memory_limit_bytes, told.wall_limit_s),
    }
    return _filled(facts, parts)


def facts_of_script(
    told: Told, model: Any, method: str | None, seed: int | None, resumes: str | None
) -> tuple[Facts, Facts]:
    """The same of a script without a Trainer, and what of its cost is known; `model` may be None."""
    facts = _least(told, "run")
    origin = {
        "seed": seed if type(seed) is int else None,
        "resumes": run_id(resumes),
        "licence": told.licence,
    }
    parts: dict[str, Callable[[], Any]] = {
        "task": lambda: _task(told, model),
        "system": lambda: system(waken=False),
        "language_model": lambda: _named_model(told, model, method),
        "pipeline": lambda: script_pipeline(model, method, told.hyperparameters),
        "provenance": lambda: {**facts["provenance"], **origin},
        "conditions": lambda: conditions(device=_device(model), seconds=SPEED_S),
        "limits": lambda: limits(told.memory_limit_bytes, told.wall_limit_s),
    }
    _filled(facts, parts)
    batch = told.hyperparameters.get("batch_size") if isinstance(told.hyperparameters, Mapping) else None
    asked = batch if type(batch) is int and batch >= 0 else None
    total: int | None = None
    trainable: int | None = None
    with trouble.quietly("model"):
        total, trainable = count_parameters(model)
    return facts, {"parameters": total, "trainable_parameters": trainable, "batch_size_asked": asked}


def _least(told: Told, via: str) -> Facts:
    """What a record needs whatever else fails."""
    return {
        "task": {"kind": "unknown", "dataset": {}},
        "pipeline": {"method": "unknown", "hyperparameters": {}},
        "provenance": {"client": f"tunelore/{__version__}", "via": via},
    }


def _filled(facts: Facts, parts: Mapping[str, Callable[[], Any]]) -> Facts:
    for name, part in parts.items():
        with trouble.quietly(name):
            facts[name] = part()
    return facts


def _named_model(told: Told, model: Any, method: str | None) -> Facts | None:
    if model is None and told.language_model is None and method == "linear":
        return None
    return language_model(model, told.language_model)


def distributed_rank() -> int:
    """This process's number in a distributed run, 0 where it is alone; only the main process speaks.

    What torch says counts more than RANK: a launcher that forks leaves that as it was in the parent.
    """
    group: Any = sys.modules.get("torch.distributed")
    try:
        if group is not None and group.is_available() and group.is_initialized():
            return int(group.get_rank())
    except (AttributeError, RuntimeError, ValueError):
        pass
    rank = os.environ.get("RANK", "").strip()
    return int(rank) if rank.isdigit() else 0


def counts(args: Any, model: Any, batch: int | None) -> Facts:
    """The parts of the cost that are known when training starts; `batch` is what a step of one process takes."""
    total, trainable = count_parameters(model)
    asked = getattr(args, "per_device_train_batch_size", None)
    effective = batch
    if isinstance(effective, int):
        accumulation = int(getattr(args, "gradient_accumulation_steps", 1) or 1)
        effective *= accumulation * int(getattr(args, "world_size", 1) or 1)
    return {
        "parameters": total,
        "trainable_parameters": trainable,
        "batch_size_asked": asked,
        "batch_size_effective": effective,
    }


def hidden_labels(model: Any) -> dict[str, str]:
    """The label names a model knows, with what stands for them in names of metrics."""
    names = getattr(getattr(base_model(model), "config", None), "id2label", None)
    return label_words(list(names.values())[:MAX_LABELS]) if isinstance(names, Mapping) else {}


def named_classes(dataset: Any, *columns: str) -> dict[str, str]:
    """The same of a dataset that knows its classes by name, as those of `datasets` do."""
    features = getattr(dataset, "features", None)
    if not isinstance(features, Mapping):
        return {}
    found = (getattr(features.get(column), "names", None) for column in columns)
    return label_words(list(next(filter(None, found), ()))[:MAX_LABELS])


def classes_of(labels: Iterable[str]) -> dict[str, str]:
    """The same of the labels of rows, in the order of their names."""
    return label_words(sorted(set(labels))[:MAX_LABELS])


def _task(told: Told, model: Any) -> Facts:
    named = named_dataset(told.dataset) or {"source": "unknown"}
    return {
        "kind": clean(told.kind, 64) if told.kind else task_kind(model),
        "name": None if told.task is None else clean(pathless(str(told.task)), 200),
        "languages": [clean(one, 35) for one in told.languages][:64],
        "domain": None if told.domain is None else clean(pathless(str(told.domain)), 200),
        "dataset": {**named, "label_column": clean(told.label_column, 200)},
    }


def _provenance(told: Told, args: Any, state: Any) -> Facts:
    seed = getattr(args, "seed", None)
    return {
        "seed": seed if isinstance(seed, int) else None,
        "resumes": resumed(args, state),
        "licence": told.licence,
    }


def _device(owner: Any) -> str | None:
    device = getattr(owner, "device", None)
    return None if device is None else str(device)[:64]
