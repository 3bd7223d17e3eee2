"""Reads of the store, for pages, API and searches alike; everything starts from what the asker may see.

It writes nothing and knows no HTTP.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from uuid import UUID

from django.db import OperationalError, connection
from django.db.models import Count, F, Prefetch, QuerySet

from knowledgebase.accounts.models import User
from knowledgebase.core.deadlines import bounded, is_too_slow
from knowledgebase.core.errors import not_found
from knowledgebase.experiences.expressions import FAILED, Field
from knowledgebase.experiences.filters import ExperienceFilters
from knowledgebase.experiences.models import Experience, Run, Task, TaskDescription
from knowledgebase.experiences.selectors.descriptions import describe_tasks

EVIDENCE_ROWS = 20_000
EVIDENCE_COLUMNS = (
    "task", "system", "language_model", "pipeline__hyperparameters", "space", "method", "status", "cause",
    "score", "evaluation_s", "host_memory_bytes", "train_rows", "change_seq",
)  # fmt: skip
COUNTED_ROWS = 10_000
# What stands beside a list may not make it wait.
COUNT_S = 1.0
SHOWN_DUPLICATES = 20
# What a row of the table says of its task, and no meta-features.
WORDS = Prefetch("task_description", TaskDescription.objects.only("name"))


def experience_fields(
    rows: QuerySet[Experience], fields: Sequence[Field], *, with_record: bool = False
) -> QuerySet[Experience]:
    """The same rows with these fields alone, as `field_0`, `field_1`, ...; nothing else is fetched but the record."""
    shown = {f"field_{place}": field.shown() for place, field in enumerate(fields)}
    columns = ("id", "change_seq", *(("record",) if with_record else ()))
    return rows.prefetch_related(None).defer(None).only(*columns).annotate(**shown)


def row_count(rows: QuerySet[Experience]) -> tuple[int, bool]:
    """How many, and whether that is exact: beyond COUNTED_ROWS PostgreSQL's own estimate does."""
    plain = rows.order_by()
    counted = plain[: COUNTED_ROWS + 1].count()
    if counted <= COUNTED_ROWS:
        return counted, True
    if connection.vendor != "postgresql":
        return plain.count(), True
    [plan] = json.loads(plain.explain(format="json"))
    return max(counted, int(plan["Plan"]["Plan Rows"])), False


def experience_list(user: User, filters: ExperienceFilters | None = None) -> QuerySet[Experience]:
    """Experiences the user may see, newest change first, with everything a row of the table shows.

    The whole record, with its curve, is left in the database; ``.defer(None)`` fetches it too.
    """
    rows = (
        Experience.objects.visible_to(user, in_order=True)
        # Fetched beside the rows and not joined: with joins SQLite may begin at the tasks and sort everything.
        .prefetch_related("task", WORDS, "language_model", "pipeline", "team", "owner")
        .defer("record")
    )
    if filters is not None:
        rows = rows.filter(filters.condition())
    return rows.order_by("-change_seq")


def experience_detail(user: User, pk: UUID) -> Experience:
    """One experience; Problem 404 when it is absent or not for this user."""
    # One row, found by its key: here joins cost nothing.
    nouns = ("task", "task_description", "language_model", "pipeline", "team", "owner", "system")
    rows = experience_list(user).prefetch_related(None).defer(None).select_related(*nouns)
    row = rows.filter(pk=pk).first()
    if row is None:
        raise not_found("experience", pk)
    return row


def successes_on(user: User, row: Experience) -> QuerySet[Experience]:
    """What went well on the same task, best first: for a failure, what fitted instead."""
    return experience_list(user).filter(task=row.task_id, status="ok").exclude(pk=row.pk).order_by("-score")


def duplicates_of(user: User, row: Experience) -> list[UUID]:
    """Other experiences that say the same under an id of their own, oldest first, as far as the user may see them."""
    same = Experience.objects.visible_to(user).filter(digest=row.digest).exclude(pk=row.pk)
    return list(same.order_by("change_seq").values_list("pk", flat=True)[:SHOWN_DUPLICATES])


def outcome_counts(rows: QuerySet[Experience]) -> tuple[dict[str, int], bool]:
    """status -> count, most frequent first, and whether those are all.

    PostgreSQL counts the newest COUNTED_ROWS; ({}, False) where either database takes longer than COUNT_S.
    """
    try:
        with bounded(COUNT_S):
            return _outcome_counts(rows)
    except OperationalError as error:
        if not is_too_slow(error):
            raise
        return {}, False


def _outcome_counts(rows: QuerySet[Experience]) -> tuple[dict[str, int], bool]:
    if connection.vendor != "postgresql":
        counts = rows.order_by().values_list("status").annotate(count=Count("*")).order_by("-count", "status")
        return dict(counts), True
    newest = Counter(rows.order_by("-change_seq").values_list("status", flat=True)[: COUNTED_ROWS + 1])
    ordered = dict(sorted(newest.items(), key=lambda one: (-one[1], one[0])))
    return ordered, newest.total() <= COUNTED_ROWS


def evidence_rows(user: User, kind: str, most: int | None = None) -> Iterator[Experience]:
    """Experiences of comparable tasks of this kind, newest first, bounded, with all that evidence needs.

    What says nothing about a pipeline (killed, pruned, unknown) is left out here already. The record with its curve
    stays in the database; its limits come as `limits`. Rows of one task share the object of the task, with the words
    that the user may read: there are few of them, and their statistics are read once.
    """
    rows = (
        Experience.objects.visible_to(user)
        # Not joined: with a join and a short limit SQLite begins at the tasks, reads everything and sorts it.
        .filter(task__in=Task.objects.filter(kind=kind, comparable=True), status__in=("ok", *FAILED))
        .select_related("pipeline")
        .prefetch_related("task", "system", "language_model")
        .only(*EVIDENCE_COLUMNS)
        .annotate(limits=F("numbers__limits"))
        .order_by("-change_seq")[: most or EVIDENCE_ROWS]
    )
    found = list(rows)
    describe_tasks(user, {row.task_id: row.task for row in found}.values())
    return iter(found)


def running_runs(user: User) -> QuerySet[Run]:
    """Runs that have not ended, as far as the user may see them; newest start first."""
    return Run.objects.visible_to(user).select_related("owner").order_by("-started_at")
