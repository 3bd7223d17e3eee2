"""Reads of tasks, language models and systems: what was tried on them. It writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery

from knowledgebase.accounts.models import User
from knowledgebase.core.errors import not_found
from knowledgebase.experiences.expressions import FAILED
from knowledgebase.experiences.models import Experience, LanguageModel, System, Task
from knowledgebase.experiences.selectors.descriptions import describe_language_models, describe_tasks
from knowledgebase.experiences.selectors.keeping import kept_until_change
from knowledgebase.experiences.selectors.sums import SUMS, with_sums

# What a page reads of one task at most, newest first; said on the page where it cuts.
TRIED_ROWS = 20_000


@dataclass(frozen=True)
class Tried:
    """One experience on a task, as far as fronts and failures need it. Seconds and bytes."""

    id: UUID
    method: str
    language_model: str
    status: str
    score: float | None
    seconds: float | None
    memory_bytes: int | None


@dataclass(frozen=True)
class Losses:
    """One kind of failure on a task: how often, what it cost, what it mostly was, and what went well instead."""

    status: str
    count: int
    seconds: float
    method: str
    language_model: str
    most: int
    instead: Tried | None


def task_list(user: User) -> QuerySet[Task]:
    """Tasks with a visible experience, with the sums of SUMS; for a page of them, whatever their number.

    Without their words, which `describe_tasks` gives to the page.
    """
    # Subqueries by the outer row and not one large IN: a page of them touches only its own experiences.
    mine = Experience.objects.visible_to(user).filter(task=OuterRef("pk")).order_by()
    sums = {
        key: Subquery(mine.values("task").annotate(sum=value).values("sum")[:1])
        for key, value in SUMS.items()
    }
    return Task.objects.filter(Exists(mine)).annotate(**sums).order_by(F("last").desc())


def language_model_list(user: User) -> QuerySet[LanguageModel]:
    """Language models with a visible experience; `with_sums` and `describe_language_models` say more of a page."""
    mine = Experience.objects.visible_to(user).filter(language_model=OuterRef("pk")).order_by()
    return LanguageModel.objects.filter(Exists(mine))


def system_list(user: User) -> QuerySet[System]:
    """Systems with a visible experience; `with_sums` says more of a page."""
    mine = Experience.objects.visible_to(user).filter(system=OuterRef("pk")).order_by()
    return System.objects.filter(Exists(mine))


def system_detail(user: User, digest: str) -> System:
    """One system by its digest; Problem 404 when the user may see nothing that ran on it."""
    row = system_list(user).filter(digest=digest).first()
    if row is None:
        raise not_found("system", digest)
    with_sums(user, "system", [row])
    return row


def task_summaries(user: User) -> list[Task]:
    """All tasks with a visible experience, with their sums and words, newest change first."""
    rows = kept_until_change(user, "tasks", lambda: _described_tasks(user))
    with_sums(user, "task", rows)
    return sorted(rows, key=lambda row: -row.last)  # type: ignore[attr-defined]


def language_model_summaries(user: User) -> list[LanguageModel]:
    """All language models with a visible experience, with their sums and words, most used first."""
    rows = list(language_model_list(user))
    with_sums(user, "language_model", rows)
    describe_language_models(user, rows)
    return sorted(rows, key=lambda row: (-row.count, row.key))  # type: ignore[attr-defined]


def _described_tasks(user: User) -> list[Task]:
    mine = Experience.objects.visible_to(user).filter(task=OuterRef("pk")).order_by()
    found = list(Task.objects.filter(Exists(mine)))
    describe_tasks(user, found)
    return found


def task_detail(user: User, digest: str) -> Task:
    """One task by its digest; Problem 404 when the user may see nothing about it."""
    return _described_task(user, task_list(user), digest)


def visible_task(user: User, digest: str) -> Task:
    """One task without its sums, which cost more than finding its neighbours; Problem 404 as for `task_detail`."""
    mine = Experience.objects.visible_to(user).filter(task=OuterRef("pk")).order_by()
    return _described_task(user, Task.objects.filter(Exists(mine)), digest)


def _described_task(user: User, rows: QuerySet[Task], digest: str) -> Task:
    row = rows.filter(digest=digest).first()
    if row is None:
        raise not_found("task", digest)
    describe_tasks(user, [row])
    return row


def tried_on(user: User, task: Task) -> list[Tried]:
    """Everything tried on a task, newest first, at most TRIED_ROWS; one light query."""
    fields = ("pk", "method", "language_model__name", "language_model__variant", "status", "score")
    rows = (
        Experience.objects.visible_to(user)
        .filter(task=task)
        .order_by("-change_seq")
        .values_list(*fields, "evaluation_s", "host_memory_bytes")[:TRIED_ROWS]
    )
    return [
        Tried(pk, method, short_name(name, variant), status, score, seconds, memory)
        for pk, method, name, variant, status, score, seconds, memory in rows
    ]


def short_name(name: str | None, variant: str | None) -> str:
    """A language model without its owner: "all-MiniLM-L6-v2, layers=4"; "" for none."""
    return ", ".join(part for part in ((name or "").rpartition("/")[2], variant) if part)


def losses(tried: Iterable[Tried]) -> list[Losses]:
    """The failures by kind, costliest first. What went well instead has the same method, and the best score."""
    rows = list(tried)
    best: dict[str, Tried] = {}
    for row in rows:
        if row.score is not None and row.score > (
            (best[row.method].score or 0.0) if row.method in best else -1.0
        ):
            best[row.method] = row
    found = []
    for status in FAILED:
        failed = [row for row in rows if row.status == status]
        if failed:
            ((method, model), most) = Counter((row.method, row.language_model) for row in failed).most_common(
                1
            )[0]
            seconds = sum(row.seconds or 0.0 for row in failed)
            found.append(Losses(status, len(failed), seconds, method, model, most, best.get(method)))
    return sorted(found, key=lambda loss: -loss.seconds)


@dataclass(frozen=True)
class ModelOnTask:
    """What one language model reached and cost on one task, over all methods. None where nothing went well."""

    task: Task
    runs: int
    failed: int
    best: float | None
    fastest_s: float | None
    memory_bytes: int | None


def language_model_detail(user: User, pk: int) -> LanguageModel:
    """One language model; Problem 404 when the user may see nothing made with it."""
    row = language_model_list(user).filter(pk=pk).first()
    if row is None:
        raise not_found("language model", pk)
    with_sums(user, "language_model", [row])
    describe_language_models(user, [row])
    return row


def language_model_on_tasks(user: User, model: LanguageModel) -> list[ModelOnTask]:
    """By task, most tried first."""
    rows = (
        Experience.objects.visible_to(user)
        .filter(language_model=model)
        .order_by()
        .values("task")
        .annotate(
            runs=Count("*"),
            failures=Count("status", filter=Q(status__in=FAILED)),
            best=Max("score"),
            fastest=Min("evaluation_s", filter=Q(status="ok")),
            memory=Max("host_memory_bytes"),
        )
        .order_by("-runs", "task")[:200]
    )
    tasks = Task.objects.in_bulk([row["task"] for row in rows])
    describe_tasks(user, tasks.values())
    return [
        ModelOnTask(
            tasks[row["task"]], row["runs"], row["failures"], row["best"], row["fastest"], row["memory"]
        )
        for row in rows
    ]


def outcomes_by_memory_limit(user: User, model: LanguageModel) -> list[tuple[int | None, int, int]]:
    """(memory limit in bytes or None, runs, out of memory) of one language model, smallest limit first."""
    rows = (
        Experience.objects.visible_to(user)
        .filter(language_model=model)
        .order_by()
        .values_list("numbers__limits__host_memory_bytes")
        .annotate(runs=Count("pk"), oom=Count("pk", filter=Q(status="oom")))
    )
    known = [(limit if isinstance(limit, int) else None, runs, oom) for limit, runs, oom in rows]
    return sorted(known, key=lambda row: (row[0] is None, row[0] or 0))
