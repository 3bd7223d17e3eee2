"""Experiences visible to somebody, as the library's Evidence.

It knows the record's columns in the store and nothing of how evidence is weighed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from automl.values import Evidence, Limits, Pipeline
from knowledgebase.accounts.models import User
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.selectors import evidence_rows, store_state
from knowledgebase.searches.bridge.datasets import KIND

Numbers = Mapping[str, float | None]
# A few megabytes each.
KEPT_ASKERS = 8
_recent: dict[tuple[int, str, int], tuple[object, list[Evidence]]] = {}


def evidence_for(user: User, most: int | None = None, *, kind: str = KIND) -> Iterator[Evidence]:
    """Experiences of tasks of this kind that the user may see, newest first; the library bounds what it keeps."""
    tasks: dict[int, Numbers] = {}
    systems: dict[int, Numbers] = {}
    for row in evidence_rows(user, kind, most):
        if row.task_id not in tasks:
            tasks[row.task_id] = _numbers(_mapping(row.task.metafeatures.get("values")).items())
        if row.system is not None and row.system.pk not in systems:
            systems[row.system.pk] = _numbers(row.system.features.items())
        yield evidence_of(row, tasks[row.task_id], systems[row.system.pk] if row.system is not None else {})


def recent_evidence(user: User, most: int, *, kind: str = KIND) -> list[Evidence]:
    """The newest, as `evidence_for` gives them; kept in this process until the store or the user's teams change."""
    # Asked first: what commits while the rest is read is read again next time, and never missed.
    now, key = store_state(user), (user.pk, kind, most)
    kept = _recent.get(key)
    if kept is None or now is None or kept[0] != now:
        _recent[key] = kept = (now, list(evidence_for(user, most, kind=kind)))
        while len(_recent) > KEPT_ASKERS:
            _recent.pop(next(iter(_recent)), None)
    return kept[1]


def evidence_of(row: Experience, metafeatures: Numbers, system: Numbers) -> Evidence:
    """One row of `evidence_rows`, with the statistics of its task and the features of its system as numbers."""
    limits = _numbers(_mapping(row.limits).items())  # type: ignore[attr-defined]  # an annotation
    pipeline = Pipeline(
        method=row.method,
        hyperparameters=row.pipeline.hyperparameters,
        language_model=row.language_model.key if row.language_model is not None else None,
        space=row.space or None,
    )
    return Evidence(
        id=str(row.pk),
        task=row.task.digest,
        metafeatures=metafeatures,
        pipeline=pipeline,
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
        system=system,
        train_rows=pipeline.rows_before(row.train_rows),
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
