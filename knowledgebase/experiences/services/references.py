"""The rows that an Experience points to: tasks, systems, language models, pipelines, found or made in bulk.

Callers hold the change lock. Whoever makes such a row without it does no harm: the first one wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model
from tunelore import record as records

from knowledgebase.experiences.models import LanguageModel, Pipeline, System, Task

Record = Mapping[str, Any]
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class References:
    """Rows by digest or key."""

    tasks: Mapping[str, Task]
    systems: Mapping[str, System]
    language_models: Mapping[str, LanguageModel]
    pipelines: Mapping[str, Pipeline]


def resolve(batch: Sequence[Record]) -> References:
    """Find or make everything that these valid records point to: a constant number of queries."""
    models = _rows(LanguageModel, "key", batch, _language_model)
    tasks = _rows(Task, "digest", batch, _task)
    for record in batch:
        _describe_better(tasks[records.task_identity(record).digest], record)
    return References(
        tasks=tasks,
        systems=_rows(System, "digest", batch, _system),
        language_models=models,
        pipelines=_rows(Pipeline, "digest", batch, lambda record: _pipeline(record, models)),
    )


def _rows(
    model: type[Row], key: str, batch: Iterable[Record], make: Callable[[Record], Row | None]
) -> dict[str, Row]:
    wanted = {getattr(row, key): row for record in batch if (row := make(record)) is not None}
    rows = model._default_manager.filter(**{f"{key}__in": list(wanted)})
    found = {getattr(row, key): row for row in rows}
    if missing := [row for value, row in wanted.items() if value not in found]:
        model._default_manager.bulk_create(missing, ignore_conflicts=True)
        # Read back: a database that ignores conflicts does not say which keys its rows got.
        found = {getattr(row, key): row for row in rows.all()}
    return found


def _task(record: Record) -> Task:
    identity, task = records.task_identity(record), record["task"]
    dataset = task["dataset"]
    return Task(
        digest=identity.digest,
        comparable=identity.comparable,
        kind=task["kind"],
        name=task.get("name") or dataset.get("name") or "",
        label_column=dataset.get("label_column") or "",
        dataset_source=dataset.get("source") or "",
        dataset_name=dataset.get("name") or "",
        dataset_config=dataset.get("config") or "",
        dataset_revision=dataset.get("revision") or "",
        fingerprint=dataset.get("fingerprint") or "",
        languages=task.get("languages") or [],
        domain=task.get("domain") or "",
        metafeatures=task.get("metafeatures") or {},
    )


def _describe_better(task: Task, record: Record) -> None:
    """Meta-features of a newer extractor replace older ones; whole data replaces a sample. Identity never moves."""
    new, old = record["task"].get("metafeatures") or {}, task.metafeatures
    if not new:
        return
    better = not old or (new["extractor"] == old.get("extractor") and _rank(new) > _rank(old))
    if better:
        task.metafeatures = new
        task.save(update_fields=["metafeatures"])


def _rank(metafeatures: Mapping[str, Any]) -> tuple[int, bool, int]:
    known = sum(value is not None for value in metafeatures.get("values", {}).values())
    return metafeatures.get("version", 0), not metafeatures.get("sampled", False), known


def _system(record: Record) -> System | None:
    system = record.get("system")
    if system is None:
        return None
    return System(
        digest=records.system_digest(system),
        features=system.get("features") or {},
        software=system.get("software") or {},
    )


def _language_model(record: Record) -> LanguageModel | None:
    language_model = record.get("language_model")
    key = records.language_model_key(language_model)
    if language_model is None or key is None:
        return None
    features = language_model.get("features") or {}
    parameters, architecture = features.get("parameters"), features.get("architecture")
    return LanguageModel(
        key=key,
        source=language_model["source"],
        name=language_model.get("name") or "",
        revision=language_model.get("revision") or "",
        variant=language_model.get("variant") or "",
        features=features,
        parameters=parameters if isinstance(parameters, int) and 0 <= parameters < 2**63 else None,
        architecture=architecture[:100] if isinstance(architecture, str) else "",
    )


def _pipeline(record: Record, models: Mapping[str, LanguageModel]) -> Pipeline:
    key = records.language_model_key(record.get("language_model"))
    return Pipeline(
        digest=records.pipeline_digest(record),
        language_model=None if key is None else models[key],
        method=record["pipeline"]["method"],
        space=record["pipeline"].get("space") or "",
        hyperparameters=record["pipeline"]["hyperparameters"],
    )
