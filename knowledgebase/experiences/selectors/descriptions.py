"""What a reader is told of tasks and language models: the words of their own audiences. It writes nothing.

An experience needs none of this: it points to its own record's words, which whoever sees it may see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar

from django.db.models import CharField, F, Q, QuerySet, Value, Window
from django.db.models.functions import Cast, Concat, RowNumber

from knowledgebase.accounts.models import Membership, User
from knowledgebase.experiences.models import (
    Experience,
    LanguageModel,
    LanguageModelDescription,
    Task,
    TaskDescription,
)
from knowledgebase.experiences.models.description import (
    HUB,
    Description,
    Measured,
    best_measured,
    language_model_words,
    task_words,
)

# Of more, all that the reader is told is read: a list of keys would take longer than the rest.
MOST_KEYS = 500
MOST_WORDINGS = 20
Row = TypeVar("Row", bound=Description)


def readable(user: User) -> Q:
    """Whose words this reader may read: their own, everybody's, and their teams', which are looked up on the way."""
    name = Concat(Value("team:"), Cast("team_id", CharField()))
    teams = Membership.objects.filter(user=user).annotate(audience=name).values("audience")
    return Q(audience__in=[f"user:{user.pk}", HUB]) | Q(audience__in=teams)


def describe_tasks(user: User, tasks: Collection[Task]) -> None:
    """Give each task the words that this reader may read: one query, whatever their number."""
    said = _said(user, TaskDescription, "task", {task.pk for task in tasks})
    for task in tasks:
        task.words = task_words(said.get(task.pk, ()))


def describe_language_models(user: User, models: Collection[LanguageModel]) -> None:
    """Give each language model the features that this reader may read: one query, whatever their number."""
    said = _said(user, LanguageModelDescription, "language_model", {model.pk for model in models})
    for model in models:
        model.words = language_model_words(said.get(model.pk, ()))


def measured_tasks(user: User, kind: str) -> dict[int, tuple[int, str]]:
    """Comparable tasks of a kind, each with the description that holds its meta-features for this reader, and the
    digest of that description, which tells its content."""
    rows = (
        TaskDescription.objects.filter(readable(user), rank__gt=0)
        .filter(task__kind=kind, task__comparable=True)
        .order_by("pk")
        .values_list("task", "pk", "audience", "extractor", "rank", "digest")
    )
    measured: dict[int, list[tuple[int, str, str, int, str]]] = defaultdict(list)
    for task, key, audience, extractor, rank, digest in rows.iterator():
        measured[task].append((key, audience, extractor, rank, digest))
    # Of most tasks one description is all there is.
    return {
        task: _best(said) if len(said) > 1 else (said[0][0], said[0][4]) for task, said in measured.items()
    }


def _best(said: Iterable[tuple[int, str, str, int, str]]) -> tuple[int, str]:
    digests = {key: digest for key, *_, digest in said}
    one = best_measured(
        Measured(key, audience, extractor, rank) for key, audience, extractor, rank, _ in said
    )
    assert one is not None  # each of them measured something
    return one.key, digests[one.key]


def told_tasks(user: User, digests: Iterable[str]) -> dict[str, Task]:
    """Of the tasks with these digests those that this reader is told something of, with their words: one query."""
    rows = TaskDescription.objects.filter(readable(user), task__digest__in=digests)
    rows = _telling(rows, "task").select_related("task")
    tasks: dict[str, Task] = {}
    said: dict[str, list[TaskDescription]] = defaultdict(list)
    for row in rows.order_by("pk"):
        said[tasks.setdefault(row.task.digest, row.task).digest].append(row)
    for digest, task in tasks.items():
        task.words = task_words(said[digest])
    return tasks


def task_names(user: User, digests: Iterable[str]) -> dict[str, str]:
    """What this reader calls the tasks with these digests; "" where nobody told them a name.

    Absent: tasks of which they may see no experience.
    """
    mine = Experience.objects.visible_to(user).filter(task__digest__in=digests).order_by()
    tasks = list(Task.objects.filter(pk__in=mine.values("task")))
    describe_tasks(user, tasks)
    return {task.digest: task.name for task in tasks}


def _said(user: User, model: type[Row], name: str, keys: set[int]) -> dict[int, list[Row]]:
    """Rows of this reader's audiences by what they describe, in the order of their keys."""
    found: dict[int, list[Row]] = defaultdict(list)
    if not keys:
        return found
    rows: QuerySet[Any] = model._default_manager.filter(readable(user)).order_by("pk")
    if len(keys) <= MOST_KEYS:
        rows = rows.filter(**{f"{name}__in": keys})
    for row in _of(_telling(rows, name), keys, name):
        found[getattr(row, f"{name}_id")].append(row)
    if lacking := keys - set(found):
        for row in _own(user, model, name, lacking):
            found[getattr(row, f"{name}_id")].append(row)
    return found


def _telling(rows: QuerySet[Row], name: str) -> QuerySet[Row]:
    """Of what one audience is told of one task or language model the first wordings, and the best measured ones.

    More say nothing new, and there may be as many as runs: each may call its task by a name of its own.
    """
    group = [F(name), F("audience")]
    first = Q(place__lte=MOST_WORDINGS)
    found: QuerySet[Any] = rows.annotate(place=Window(RowNumber(), partition_by=group, order_by="pk"))
    if name == "task":
        better = [F("rank").desc(), F("pk").asc()]
        found = found.annotate(measured=Window(RowNumber(), partition_by=group, order_by=better))
        first |= Q(measured__lte=MOST_WORDINGS)
    return found.filter(first)


def _of(rows: QuerySet[Row], keys: set[int], name: str) -> Iterator[Row]:
    return (row for row in rows.iterator() if getattr(row, f"{name}_id") in keys)


def _own(user: User, model: type[Row], name: str, keys: set[int]) -> Iterable[Row]:
    """Of somebody who left a team: what they themselves had said there, and still see, of what nobody else tells."""
    mine = Experience.objects.filter(owner=user, **{f"{name}__in": keys}).order_by()
    return model._default_manager.filter(pk__in=mine.values(f"{name}_description")).order_by("pk")
