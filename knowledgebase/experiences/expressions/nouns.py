"""Conditions about what experiences point to, as the keys of those rows: asked first, and small beside the store.

It knows no grammar.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Model, Q, QuerySet

from knowledgebase.accounts.models import Team, User
from knowledgebase.experiences.models import (
    LanguageModel,
    LanguageModelDescription,
    System,
    Task,
    TaskDescription,
)

MOST_KEYS = 1_000
# Of more, so many experiences speak that looking at each, newest first, finds a page sooner.
FEW_KEYS = 200
NOUNS: Mapping[str, type[Model]] = {
    "task": Task,
    "task_description": TaskDescription,
    "language_model": LanguageModel,
    "language_model_description": LanguageModelDescription,
    "system": System,
    "team": Team,
    "owner": User,
}


def keys(rows: QuerySet[Any], most: int = MOST_KEYS) -> list[Any] | QuerySet[Any]:
    """What these rows are numbered, looked up at once where they are few.

    Told the numbers, PostgreSQL goes straight to them, or sees that there are none; told to look them up itself it
    reads the whole store, newest first, to find where a name stands.
    """
    found = list(rows.values_list("pk", flat=True)[: most + 1])
    return found if len(found) <= most else rows.values("pk")


def pointing(noun: str, what: Q) -> Q:
    """Experiences that point to rows of a noun for which `what` holds; those that point to none are not among them."""
    rows = named(noun, what)
    if noun == "task_description" and _says_every_word_of(rows):
        # The same experiences, and the indexes that pages are counted in know tasks, not words.
        return Q(task__in=keys(Task.objects.filter(pk__in=rows.values("task")).order_by()))
    return Q(**{f"{noun}__in": keys(rows)})


def _says_every_word_of(rows: QuerySet[Any]) -> bool:
    """Whether nobody says anything else of the tasks that these descriptions are of."""
    others = TaskDescription.objects.filter(task__in=rows.values("task")).exclude(pk__in=rows.values("pk"))
    return not others.exists()


def named(noun: str, what: Q) -> QuerySet[Any]:
    """Rows of a noun for which `what` holds."""
    return NOUNS[noun]._default_manager.filter(what).order_by()
