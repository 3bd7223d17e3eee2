"""The parts of a record that are known when training starts; what takes time is left to a later call.

Knows no spool and no network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunelore import __version__, trouble
from tunelore.describe import (
    classification_metafeatures,
    conditions,
    label_metafeatures,
    prepare_landmark,
    rows_fingerprint,
    system,
)
from tunelore.observe.checkpoints import resumed
from tunelore.observe.cost import limits
from tunelore.observe.dataset import named_dataset, read_rows, rows_in, tokens_of
from tunelore.observe.language_model import count_parameters, language_model, task_kind
from tunelore.observe.pipeline import Scalar, pipeline

Facts = dict[str, Any]


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


def facts_at_start(told: Told, args: Any, model: Any, processing_class: Any, step: int) -> Facts:
    """Everything that attributes and one short measurement tell, part by part: one failing leaves the rest."""
    facts: Facts = {
        "task": {"kind": told.kind or "unknown", "dataset": {}},
        "pipeline": {"method": "unknown", "hyperparameters": {}},
        "provenance": {"client": f"tunelore/{__version__}", "via": "callback"},
    }
    parts: dict[str, Callable[[], Any]] = {
        "task": lambda: _task(told, model),
        "system": system,
        "language_model": lambda: language_model(model, told.language_model),
        "pipeline": lambda: pipeline(args, model, processing_class, told.hyperparameters),
        "provenance": lambda: {**facts["provenance"], **_provenance(told, args, step)},
        "conditions": lambda: conditions(device=_device(args)),
        "limits": lambda: limits(told.memory_limit_bytes, told.wall_limit_s),
    }
    for name, part in parts.items():
        with trouble.quietly(name):
            facts[name] = part()
    return facts


def counts(args: Any, model: Any) -> Facts:
    """The parts of the cost that are known when training starts."""
    total, trainable = count_parameters(model)
    asked = getattr(args, "per_device_train_batch_size", None)
    effective = getattr(args, "train_batch_size", asked)
    if isinstance(effective, int):
        accumulation = int(getattr(args, "gradient_accumulation_steps", 1) or 1)
        effective *= accumulation * int(getattr(args, "world_size", 1) or 1)
    return {
        "parameters": total,
        "trainable_parameters": trainable,
        "batch_size_asked": asked,
        "batch_size_effective": effective,
    }


def _task(told: Told, model: Any) -> Facts:
    named = named_dataset(told.dataset) or {"source": "unknown"}
    return {
        "kind": told.kind or task_kind(model),
        "name": None if told.task is None else str(told.task)[:200],
        "languages": [str(one)[:35] for one in told.languages][:64],
        "domain": told.domain,
        "dataset": {**named, "label_column": told.label_column},
    }


def _provenance(told: Told, args: Any, step: int) -> Facts:
    seed = getattr(args, "seed", None)
    return {
        "seed": seed if isinstance(seed, int) else None,
        "resumes": resumed(args, step),
        "licence": told.licence,
    }


def _device(args: Any) -> str | None:
    device = getattr(args, "device", None)
    return None if device is None else str(device)[:64]


class Rows:
    """The training rows on their way to a fingerprint and statistics; they are let go of at the end."""

    def __init__(self, told: Told, task: Facts, train_dataset: Any) -> None:
        self._told = told
        self._task = task
        self._train_rows = rows_in(train_dataset)
        self._texts: list[str] = []
        self._labels: list[str] = []
        self._raw = told.dataset is not None and named_dataset(told.dataset) is None
        self._tokens: tuple[str | None, list[str]] = (None, [])
        if told.dataset is None:
            # By this thread: a tokeniser that reads rows lazily must not be used by two threads at once.
            with trouble.quietly("dataset"):
                self._tokens = tokens_of(train_dataset)

    def early(self) -> Facts:
        """Task and fidelity with fingerprint and cheap statistics."""
        fingerprint, labels = self._tokens
        metafeatures = None
        rows = self._train_rows
        if self._raw:
            with trouble.quietly("dataset"):
                pairs = read_rows(self._told.dataset, self._told.text_column, self._told.label_column)
                self._texts, self._labels = [text for text, _ in pairs], [label for _, label in pairs]
                fingerprint, rows = rows_fingerprint(pairs), len(pairs)
                metafeatures = self._metafeatures(landmark=False)
                if metafeatures is not None:
                    prepare_landmark()
        elif labels and self._task["kind"] == "text-classification":
            metafeatures = label_metafeatures(labels)
        self._task = {**self._task, "dataset": {**self._task["dataset"], "fingerprint": fingerprint}}
        if metafeatures is not None:
            self._task["metafeatures"] = metafeatures
        return {"task": self._task, "fidelity": self._fidelity(rows)}

    def late(self) -> Facts:
        """The task with its landmark, which costs a second of processor time that training should not lose."""
        if not self._texts:
            return {}
        metafeatures = self._metafeatures(landmark=True)
        self._texts, self._labels = [], []
        return {"task": {**self._task, "metafeatures": metafeatures}} if metafeatures else {}

    def _metafeatures(self, *, landmark: bool) -> Facts | None:
        if self._task["kind"] != "text-classification" or not self._texts:
            return None
        return classification_metafeatures(self._texts, self._labels, landmark=landmark)

    def _fidelity(self, whole: int | None) -> Facts:
        rows = self._train_rows
        share = rows / whole if rows and whole and rows <= whole else None
        return {"train_rows": rows, "train_fraction": share}
