"""The rows that an Experience points to: tasks, systems, language models, pipelines, found or made in bulk.

With them the descriptions: what the record says of its task and language model, for the audience it is kept for.
Callers hold the change lock. Whoever makes such a row without it does no harm: the first one wins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Model, QuerySet, Value
from tunelore import record as records

from knowledgebase.core.prepared import Prepared
from knowledgebase.experiences.models import (
    LanguageModel,
    LanguageModelDescription,
    Pipeline,
    System,
    Task,
    TaskDescription,
)
from knowledgebase.experiences.models.description import RECORD, columns_of, rank_of
from knowledgebase.experiences.services.catalogue import completed, entry_for

Record = Mapping[str, Any]
# What each noun is known by.
NAMES: Mapping[type[Model], str] = {
    Task: "digest", LanguageModel: "key", System: "digest", Pipeline: "digest",
    TaskDescription: "digest", LanguageModelDescription: "digest",
}  # fmt: skip


@dataclass(frozen=True)
class Identities:
    """A valid record and what it points to, worked out once: digests, or the key of the language model."""

    record: Record
    audience: str
    task: records.TaskIdentity
    system: str | None
    language_model: str | None
    pipeline: str
    task_description: str
    language_model_description: str | None


@dataclass(frozen=True)
class References:
    """What rows are linked to, by digest or by the key of the language model. Of a task the digest alone is loaded."""

    tasks: Mapping[str, Task]
    systems: Mapping[str, int]
    language_models: Mapping[str, int]
    pipelines: Mapping[str, int]
    task_descriptions: Mapping[str, int]
    language_model_descriptions: Mapping[str, int]


def identify(record: Record, audience: str, parts: Mapping[str, bytes] | None = None) -> Identities:
    """What a valid record points to. `audience`: whom its words are kept for; `parts`: `canonical_parts` of it."""
    system, parts = record.get("system"), parts or canonical_parts(record, ("task", "language_model"))
    task, language_model = (
        records.task_identity(record),
        records.language_model_key(record.get("language_model")),
    )
    return Identities(
        record=record,
        audience=audience,
        task=task,
        system=None if system is None else records.system_digest(system),
        language_model=language_model,
        pipeline=records.pipeline_digest(record),
        task_description=_wording(audience, task.digest, parts["task"]),
        language_model_description=None
        if language_model is None
        else _wording(audience, language_model, parts["language_model"]),
    )


def canonical_parts(record: Record, names: Iterable[str]) -> dict[str, bytes]:
    """These parts of a record in canonical form, each with its name, as they stand in the whole."""
    return {name: records.canonical({name: record[name]})[1:-1] for name in names if name in record}


def _wording(audience: str, identity: str, said: bytes) -> str:
    """The digest of a description: of whom it is for, what it is of, and all that the record says there."""
    return hashlib.sha256(b"\n".join((audience.encode(), identity.encode(), said))).hexdigest()


def resolve(batch: Sequence[Identities]) -> References:
    """Find or make everything that these records point to: one query, and one more for each noun with news."""
    wanted: dict[type[Model], dict[str, Identities]] = {
        Task: {one.task.digest: one for one in batch},
        LanguageModel: {one.language_model: one for one in batch if one.language_model is not None},
        System: {one.system: one for one in batch if one.system is not None},
        Pipeline: {one.pipeline: one for one in batch},
        TaskDescription: {one.task_description: one for one in batch},
        LanguageModelDescription: {
            one.language_model_description: one for one in batch if one.language_model_description is not None
        },
    }
    known = _look_up(wanted)
    tasks, models = known[Task], known[LanguageModel]
    _make(Task, wanted, known, _task)
    _make(LanguageModel, wanted, known, _language_model)
    _make(System, wanted, known, _system)
    _make(Pipeline, wanted, known, lambda one: _pipeline(one, models))
    _make(TaskDescription, wanted, known, lambda one: _task_description(one, tasks))
    _make(LanguageModelDescription, wanted, known, lambda one: _language_model_description(one, models))
    return References(
        {digest: Task.from_db(None, ("id", "digest"), (key, digest)) for digest, key in tasks.items()},
        known[System],
        models,
        known[Pipeline],
        known[TaskDescription],
        known[LanguageModelDescription],
    )


def _known_nouns(**names: list[str]) -> QuerySet[Any, Any]:
    """Which noun (its place in NAMES), name and key of rows with these names, by noun."""
    # The tasks come first: what their columns are the others' are.
    first, *others = [
        model._default_manager.filter(**{f"{name}__among": names[model.__name__]})
        .order_by()
        .values_list(Value(place), name, "pk")
        for place, (model, name) in enumerate(NAMES.items())
        if names[model.__name__] or connection.vendor == "postgresql"
    ]
    return first.union(*others, all=True)


KNOWN_NOUNS = Prepared(_known_nouns, tuple(model.__name__ for model in NAMES))


def _look_up(wanted: Mapping[type[Model], Mapping[str, Identities]]) -> dict[type[Model], dict[str, int]]:
    """One question for all nouns: asked apart, they would be half of what storing one record takes."""
    found: dict[type[Model], dict[str, int]] = {model: {} for model in wanted}
    models = tuple(NAMES)
    for place, name, key in KNOWN_NOUNS.rows(
        **{model.__name__: list(ones) for model, ones in wanted.items()}
    ):
        found[models[place]][name] = key
    return found


def _make(
    model: type[Model],
    wanted: Mapping[type[Model], Mapping[str, Identities]],
    known: Mapping[type[Model], dict[str, int]],
    make: Callable[[Identities], Any],
) -> None:
    there, name = known[model], NAMES[model]
    rows = [make(one) for key, one in wanted[model].items() if key not in there]
    if rows:
        # Where somebody was first, "changing" the name to itself is what makes the database tell that row's key.
        model._default_manager.bulk_create(
            rows, update_conflicts=True, unique_fields=[name], update_fields=[name]
        )
    for row in rows:
        there[getattr(row, name)] = row.pk


def _task(one: Identities) -> Task:
    task = one.record["task"]
    return Task(
        digest=one.task.digest,
        comparable=one.task.comparable,
        kind=task["kind"],
        label_column=task["dataset"].get("label_column") or "",
    )


def _task_description(one: Identities, tasks: Mapping[str, int]) -> TaskDescription:
    task = one.record["task"]
    dataset, metafeatures = task["dataset"], task.get("metafeatures") or {}
    return TaskDescription(
        digest=one.task_description,
        audience=one.audience,
        task_id=tasks[one.task.digest],
        name=task.get("name") or dataset.get("name") or "",
        dataset_source=dataset.get("source") or "",
        dataset_name=dataset.get("name") or "",
        dataset_config=dataset.get("config") or "",
        dataset_revision=dataset.get("revision") or "",
        fingerprint=dataset.get("fingerprint") or "",
        languages=task.get("languages") or [],
        domain=task.get("domain") or "",
        metafeatures=metafeatures,
        extractor=metafeatures.get("extractor", ""),
        rank=rank_of(metafeatures),
    )


def _system(one: Identities) -> System:
    system = one.record["system"]
    return System(
        digest=str(one.system),
        features=system.get("features") or {},
        software=system.get("software") or {},
    )


def _language_model(one: Identities) -> LanguageModel:
    said = one.record["language_model"]
    return LanguageModel(
        key=str(one.language_model),
        source=said["source"],
        name=said.get("name") or "",
        revision=said.get("revision") or "",
        variant=said.get("variant") or "",
    )


def _language_model_description(one: Identities, models: Mapping[str, int]) -> LanguageModelDescription:
    said = one.record["language_model"]
    row = LanguageModelDescription(
        digest=str(one.language_model_description),
        audience=one.audience,
        language_model_id=models[str(one.language_model)],
    )
    entry = entry_for(said["source"], said.get("name") or "", said.get("variant") or "")
    fill(row, *completed(said.get("features") or {}, entry))
    return row


def fill(row: LanguageModelDescription, features: dict[str, Any], sources: dict[str, str]) -> None:
    """Put in the features and where each is from, and the two that have columns of their own."""
    row.features, row.feature_sources = features, sources
    row.parameters, row.architecture = columns_of(features)


def complete_again(row: LanguageModelDescription) -> bool:
    """Fill the gaps from the catalogue as it is now; what the record says stays. True where that changed the row."""
    sources, model = row.feature_sources, row.language_model
    said = {name: value for name, value in row.features.items() if sources.get(name, RECORD) == RECORD}
    before = (row.features, sources)
    fill(row, *completed(said, entry_for(model.source, model.name, model.variant)))
    return (row.features, row.feature_sources) != before


def _pipeline(one: Identities, models: Mapping[str, int]) -> Pipeline:
    pipeline = one.record["pipeline"]
    return Pipeline(
        digest=one.pipeline,
        language_model_id=None if one.language_model is None else models[one.language_model],
        method=pipeline["method"],
        hyperparameters=pipeline["hyperparameters"],
    )
