"""The rows that an Experience points to: tasks, systems, language models, pipelines, found or made in bulk.

Callers hold the change lock. Whoever makes such a row without it does no harm: the first one wins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model
from tunelore import record as records

from knowledgebase.experiences.models import LanguageModel, Pipeline, System, Task
from knowledgebase.experiences.services.catalogue import RECORD, completed, entry_for

Record = Mapping[str, Any]
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Identities:
    """A valid record and what it points to, worked out once: digests, or the key of the language model."""

    record: Record
    task: records.TaskIdentity
    system: str | None
    language_model: str | None
    pipeline: str


@dataclass(frozen=True)
class References:
    """Keys of rows by digest, or by the key of the language model."""

    tasks: Mapping[str, int]
    systems: Mapping[str, int]
    language_models: Mapping[str, int]
    pipelines: Mapping[str, int]


def identify(record: Record) -> Identities:
    """What a valid record points to."""
    system = record.get("system")
    return Identities(
        record=record,
        task=records.task_identity(record),
        system=None if system is None else records.system_digest(system),
        language_model=records.language_model_key(record.get("language_model")),
        pipeline=records.pipeline_digest(record),
    )


def resolve(batch: Sequence[Identities]) -> References:
    """Find or make everything that these records point to: a constant number of queries."""
    models = _rows(LanguageModel, "key", {one.language_model: one for one in batch}, _language_model)
    tasks = _rows(Task, "digest", {one.task.digest: one for one in batch}, _task)
    for one in batch:
        _describe_better(tasks[one.task.digest], one.record)
        if one.language_model is not None:
            _describe_more(models[one.language_model], one.record)
    return References(
        tasks={digest: row.pk for digest, row in tasks.items()},
        systems=_keys(System, {one.system: one for one in batch}, _system),
        language_models={key: row.pk for key, row in models.items()},
        pipelines=_keys(Pipeline, {one.pipeline: one for one in batch}, lambda one: _pipeline(one, models)),
    )


def _keys(
    model: type[Row], wanted: Mapping[Any, Identities], make: Callable[[Identities], Row]
) -> dict[str, int]:
    """Keys alone: nearly every run is another pipeline, and reading rows costs more than writing them."""

    def known(names: list[str]) -> dict[str, int]:
        return dict(model._default_manager.filter(digest__among=names).values_list("digest", "pk"))

    names = [name for name in wanted if name is not None]
    found = known(names) if names else {}
    if missing := [name for name in names if name not in found]:
        model._default_manager.bulk_create([make(wanted[name]) for name in missing], ignore_conflicts=True)
        found |= known(missing)
    return found


def _rows(
    model: type[Row], key: str, wanted: Mapping[Any, Identities], make: Callable[[Identities], Row]
) -> dict[str, Row]:
    names = [name for name in wanted if name is not None]
    rows = model._default_manager.filter(**{f"{key}__among": names})
    found = {getattr(row, key): row for row in rows}
    if missing := [make(wanted[name]) for name in names if name not in found]:
        model._default_manager.bulk_create(missing, ignore_conflicts=True)
        # Read back: a database that ignores conflicts does not say which keys its rows got.
        found = {getattr(row, key): row for row in rows.all()}
    return found


def _task(one: Identities) -> Task:
    task = one.record["task"]
    dataset = task["dataset"]
    return Task(
        digest=one.task.digest,
        comparable=one.task.comparable,
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
        task.metafeatures, task.described = new, time.time_ns()
        task.save(update_fields=["metafeatures", "described"])


def _describe_more(row: LanguageModel, record: Record) -> None:
    said = record["language_model"].get("features") or {}
    # Most records say what is known already; only news costs a second look.
    is_news = any(
        row.feature_sources.get(name) != RECORD for name, value in said.items() if value is not None
    )
    if (is_news or not row.feature_sources) and describe_language_model(row, said):
        row.save(update_fields=["features", "feature_sources", "parameters", "architecture"])


def _rank(metafeatures: Mapping[str, Any]) -> tuple[int, bool, int]:
    known = sum(value is not None for value in metafeatures.get("values", {}).values())
    return metafeatures.get("version", 0), not metafeatures.get("sampled", False), known


def _system(one: Identities) -> System:
    system = one.record["system"]
    return System(
        digest=str(one.system),
        features=system.get("features") or {},
        software=system.get("software") or {},
    )


def _language_model(one: Identities) -> LanguageModel:
    said = one.record["language_model"]
    row = LanguageModel(
        key=str(one.language_model),
        source=said["source"],
        name=said.get("name") or "",
        revision=said.get("revision") or "",
        variant=said.get("variant") or "",
    )
    _describe(row, said.get("features") or {})
    return row


def _describe(row: LanguageModel, said: Mapping[str, Any]) -> None:
    """What records say, then the catalogue; and the two features that have columns of their own."""
    known, sources = completed(said, entry_for(row.source, row.name, row.variant))
    row.features, row.feature_sources = known, sources
    parameters, architecture = known.get("parameters"), known.get("architecture")
    is_count = isinstance(parameters, int) and not isinstance(parameters, bool) and 0 <= parameters < 2**63
    row.parameters = parameters if is_count else None
    row.architecture = architecture[:100] if isinstance(architecture, str) else ""


def describe_language_model(row: LanguageModel, said: Mapping[str, Any]) -> bool:
    """Add what a further record says: the first record to name a feature has its way. True where that changed it."""
    sources = row.feature_sources
    mine = {name: value for name, value in row.features.items() if sources.get(name, RECORD) == RECORD}
    before = (row.features, sources)
    _describe(row, {**said, **mine})
    return (row.features, row.feature_sources) != before


def _pipeline(one: Identities, models: Mapping[str, LanguageModel]) -> Pipeline:
    pipeline = one.record["pipeline"]
    return Pipeline(
        digest=one.pipeline,
        language_model=None if one.language_model is None else models[one.language_model],
        method=pipeline["method"],
        space=pipeline.get("space") or "",
        hyperparameters=pipeline["hyperparameters"],
    )
