"""Experiences visible to somebody, as the library's Evidence.

It knows the record's columns in the store and nothing of how evidence is weighed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from automl.values import Evidence, Limits, Pipeline
from knowledgebase.accounts.models import User
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.selectors import evidence_rows
from knowledgebase.searches.bridge.datasets import KIND


def evidence_for(user: User, most: int | None = None, *, kind: str = KIND) -> Iterator[Evidence]:
    """Experiences of tasks of this kind that the user may see, newest first; the library bounds what it keeps."""
    return map(evidence_of, evidence_rows(user, kind, most))


def task_names(user: User, digests: Collection[str]) -> dict[str, str]:
    """What people call the tasks with these digests, where the user may see one of their experiences."""
    rows = Experience.objects.visible_to(user).filter(task__digest__in=digests)
    return dict(rows.values_list("task__digest", "task__name").distinct())


def evidence_of(row: Experience) -> Evidence:
    """One row of `evidence_rows`: with its task, system, pipeline, language model and limits."""
    limits = _numbers(_mapping(row.limits).items())  # type: ignore[attr-defined]  # an annotation
    return Evidence(
        id=str(row.pk),
        task=row.task.digest,
        metafeatures=_numbers(_mapping(row.task.metafeatures.get("values")).items()),
        pipeline=Pipeline(
            method=row.method,
            hyperparameters=row.pipeline.hyperparameters,
            language_model=row.language_model.key if row.language_model is not None else None,
            space=row.pipeline.space or None,
        ),
        status=row.status,
        cause=row.cause or None,
        score=row.score,
        seconds=row.evaluation_s,
        memory_bytes=row.host_memory_bytes,
        limits=Limits(
            wall_s=limits.get("wall_s"),
            host_memory_bytes=_whole(limits.get("host_memory_bytes")),
            device_memory_bytes=_whole(limits.get("device_memory_bytes")),
        ),
        system=_numbers(row.system.features.items()) if row.system is not None else {},
        train_rows=row.train_rows,
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _numbers(items: Iterable[tuple[str, object]]) -> dict[str, float | None]:
    return {
        name: float(value)
        for name, value in items
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
