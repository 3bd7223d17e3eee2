"""The rows that an Experience points to: tasks, systems, language models, pipelines, found or made in bulk.

Callers hold the change lock. Whoever makes such a row without it does no harm: the first one wins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Model, QuerySet, TextField, Value
from tunelore import record as records

from knowledgebase.core.prepared import Prepared
from knowledgebase.experiences.models import LanguageModel, Pipeline, System, Task
from knowledgebase.experiences.services.catalogue import RECORD, completed, entry_for

Record = Mapping[str, Any]
# What each noun is known by.
NAMES: Mapping[type[Model], str] = {
    Task: "digest", LanguageModel: "key", System: "digest", Pipeline: "digest"
}  # fmt: skip
_NOTHING = Value(None, output_field=TextField())
# And what is to be known of it beside its key.
COLUMNS: tuple[tuple[type[Model], Any], ...] = (
    (Task, "metafeatures"),
    (LanguageModel, "feature_sources"),
    (System, _NOTHING),
    (Pipeline, _NOTHING),
)


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
    """What rows are linked to, by digest or by the key of the language model. Of a task the digest alone is loaded."""

    tasks: Mapping[str, Task]
    systems: Mapping[str, int]
    language_models: Mapping[str, int]
    pipelines: Mapping[str, int]


@dataclass
class _Known:
    """Rows of one noun: their keys, and what is said of them (of a task or language model) by now."""

    keys: dict[str, int]
    said: dict[str, Any]


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
    """Find or make everything that these records point to: one query, and one more for each noun with news."""
    wanted: dict[type[Model], dict[str, Identities]] = {
        Task: {one.task.digest: one for one in batch},
        LanguageModel: {one.language_model: one for one in batch if one.language_model is not None},
        System: {one.system: one for one in batch if one.system is not None},
        Pipeline: {one.pipeline: one for one in batch},
    }
    known = _look_up(wanted)
    models = known[LanguageModel]
    _make(Task, wanted, known, _task)
    _make(LanguageModel, wanted, known, _language_model)
    _make(System, wanted, known, _system)
    _make(Pipeline, wanted, known, lambda one: _pipeline(one, models.keys))
    for one in batch:
        _describe_better(known[Task], one)
    _describe_more(models, batch)
    tasks = {
        digest: Task.from_db(None, ("id", "digest"), (key, digest))
        for digest, key in known[Task].keys.items()
    }
    return References(tasks, known[System].keys, models.keys, known[Pipeline].keys)


def _known_nouns(**names: list[str]) -> QuerySet[Any, Any]:
    """Which noun (its place in COLUMNS), name, key and what is said of it, of rows with these names, by noun."""
    # The tasks come first: what their columns are the others' are.
    first, *others = [
        model._default_manager.filter(**{f"{NAMES[model]}__among": names[model.__name__]})
        .order_by()
        .values_list(Value(place), NAMES[model], "pk", said)
        for place, (model, said) in enumerate(COLUMNS)
        if names[model.__name__] or connection.vendor == "postgresql"
    ]
    return first.union(*others, all=True)


KNOWN_NOUNS = Prepared(_known_nouns, tuple(model.__name__ for model in NAMES))


def _look_up(wanted: Mapping[type[Model], Mapping[str, Identities]]) -> dict[type[Model], _Known]:
    """One question for all nouns: asked apart, they would be half of what storing one record takes."""
    found = {model: _Known({}, {}) for model in wanted}
    names = {model.__name__: list(ones) for model, ones in wanted.items()}
    for place, name, key, said in KNOWN_NOUNS.rows(**names):
        known = found[COLUMNS[place][0]]
        known.keys[name], known.said[name] = key, said
    return found


def _make(
    model: type[Model],
    wanted: Mapping[type[Model], Mapping[str, Identities]],
    known: Mapping[type[Model], _Known],
    make: Callable[[Identities], Any],
) -> None:
    there, name = known[model], NAMES[model]
    rows = [make(one) for key, one in wanted[model].items() if key not in there.keys]
    if rows:
        # Where somebody was first, "changing" the name to itself is what makes the database tell that row's key.
        model._default_manager.bulk_create(
            rows, update_conflicts=True, unique_fields=[name], update_fields=[name]
        )
    for row in rows:
        key = getattr(row, name)
        there.keys[key] = row.pk
        there.said[key] = getattr(row, "metafeatures", None) or getattr(row, "feature_sources", None) or {}


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


def _describe_better(tasks: _Known, one: Identities) -> None:
    """Meta-features of a newer extractor replace older ones; whole data replaces a sample. Identity never moves."""
    new, old = one.record["task"].get("metafeatures") or {}, tasks.said[one.task.digest]
    if not new:
        return
    if not old or (new["extractor"] == old.get("extractor") and _rank(new) > _rank(old)):
        tasks.said[one.task.digest] = new
        rows = Task.objects.filter(pk=tasks.keys[one.task.digest])
        rows.update(metafeatures=new, described=time.time_ns())


def _describe_more(models: _Known, batch: Sequence[Identities]) -> None:
    """What a record adds to a language model; and once what the catalogue knows of one that nobody has described."""
    undescribed = {key for key, sources in models.said.items() if not sources}
    for one in batch:
        key = one.language_model
        if key is None:
            continue
        said, sources = one.record["language_model"].get("features") or {}, models.said[key]
        # Most records say what is known already; only news costs a second look.
        is_news = any(sources.get(name) != RECORD for name, value in said.items() if value is not None)
        if is_news or key in undescribed:
            undescribed.discard(key)
            row = LanguageModel.objects.get(pk=models.keys[key])
            if describe_language_model(row, said):
                row.save(update_fields=["features", "feature_sources", "parameters", "architecture"])
            models.said[key] = row.feature_sources


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


def _pipeline(one: Identities, models: Mapping[str, int]) -> Pipeline:
    pipeline = one.record["pipeline"]
    return Pipeline(
        digest=one.pipeline,
        language_model_id=None if one.language_model is None else models[one.language_model],
        method=pipeline["method"],
        space=pipeline.get("space") or "",
        hyperparameters=pipeline["hyperparameters"],
    )
