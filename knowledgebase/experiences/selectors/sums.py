"""Sums over everything that somebody may see: by outcome, method and day; by task, by language model, by system.

Each is one pass over an index that holds all it needs, kept while the store is as it was. It writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Exists, F, Max, Model, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from knowledgebase.accounts.models import User
from knowledgebase.core.database import Day
from knowledgebase.experiences.expressions import FAILED
from knowledgebase.experiences.models import Experience, LanguageModel, Task
from knowledgebase.experiences.selectors.keeping import kept_sums

WEEK = timedelta(days=7)
# Over the visible experiences of one task, language model or system, by the name of the attribute they become.
SUMS = {
    "count": Count("*"),
    "failed": Count("status", filter=Q(status__in=FAILED)),
    "best": Max("score"),
    "last": Max("change_seq"),
}


@dataclass(frozen=True)
class Sums:
    """Of one task, language model or system: experiences, failures, best score, number of the last change."""

    count: int
    failed: int
    best: float | None
    last: int


#: Of what nobody has an experience of any more.
NOTHING = Sums(0, 0, None, 0)


@dataclass(frozen=True)
class Statistics:
    """What the store knows, as far as the asker may see. Seconds are sums of evaluation time."""

    experiences: int
    by_outcome: dict[str, int]
    by_method: dict[str, int]
    tasks: int
    language_models: int
    failed: int
    compute_s: float
    this_week: int


@dataclass(frozen=True)
class Whole:
    """Everything somebody may see: (count, seconds) by outcome and method, count by day (UTC) and outcome."""

    groups: Mapping[tuple[str, str], tuple[int, float]]
    days: Mapping[tuple[date, str], int]


def statistics(user: User) -> Statistics:
    """The figures of the overview: over what the user may see."""
    nouns = kept_sums(user, "nouns", lambda: _nouns_of(Experience.objects.visible_to(user, in_order=True)))
    return _figures(whole(user), *nouns)


def statistics_of(rows: QuerySet[Experience]) -> Statistics:
    """Counts and sums over these experiences."""
    return _figures(_whole_of(rows), *_nouns_of(rows))


def whole(user: User) -> Whole:
    """Counts and sums over what the user may see."""
    return kept_sums(user, "whole", lambda: _whole_of(Experience.objects.visible_to(user, in_order=True)))


def visible_outcomes(user: User) -> dict[str, int]:
    """status -> count of everything that the user may see, most frequent first."""
    return _most_first((status, count) for (status, _), (count, _) in whole(user).groups.items())


def sums_by(user: User, noun: str) -> Mapping[int, Sums]:
    """By key of the "task", "language_model" or "system": its sums, where the user may see an experience of it."""
    return kept_sums(user, f"sums by {noun}", lambda: _sums_by(user, noun, {f"{noun}__isnull": False}))


def with_sums(user: User, noun: str, rows: Iterable[Model]) -> None:
    """Give rows of a noun their sums as attributes; what is newer than the kept sums is counted by itself."""
    listed, known = list(rows), sums_by(user, noun)
    newer = {row.pk for row in listed} - known.keys()
    late = _sums_by(user, noun, {f"{noun}__in": newer}) if newer else {}
    for row in listed:
        sums = known.get(row.pk) or late.get(row.pk, NOTHING)
        for name in SUMS:
            setattr(row, name, getattr(sums, name))


def _sums_by(user: User, noun: str, which: Mapping[str, object]) -> dict[int, Sums]:
    rows = Experience.objects.visible_to(user, in_order=True).order_by().filter(**which)
    return {group.pop(noun): Sums(**group) for group in rows.values(noun).annotate(**SUMS)}


def _whole_of(rows: QuerySet[Experience]) -> Whole:
    rows = rows.order_by()
    found = (
        rows.annotate(day=Day(F("received_at")))
        .values_list("status", "method", "day")
        .annotate(count=Count("*"), seconds=Sum("evaluation_s"))
    )
    groups: dict[tuple[str, str], tuple[int, float]] = {}
    days: Counter[tuple[date, str]] = Counter()
    for status, method, day, count, seconds in found:
        before = groups.get((status, method), (0, 0.0))
        groups[status, method] = (before[0] + count, before[1] + (seconds or 0.0))
        days[date.fromisoformat(str(day)), status] += count
    return Whole(groups, days)


def _nouns_of(rows: QuerySet[Experience]) -> tuple[int, int]:
    """Of how many tasks and language models these experiences are.

    Asked of each of those, of which there are few: to tell them apart in a million rows takes long.
    """
    rows = rows.order_by()
    tasks = Task.objects.filter(Exists(rows.filter(task=OuterRef("pk"))))
    models = LanguageModel.objects.filter(Exists(rows.filter(language_model=OuterRef("pk"))))
    return tasks.count(), models.count()


def _most_first(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    whole: Counter[str] = Counter()
    for name, count in counts:
        whole[name] += count
    return dict(sorted(whole.items(), key=lambda one: (-one[1], one[0])))


def _figures(known: Whole, tasks: int, language_models: int) -> Statistics:
    since = (timezone.now() - WEEK).date()
    outcomes = _most_first((status, count) for (status, _), (count, _) in known.groups.items())
    return Statistics(
        experiences=sum(outcomes.values()),
        by_outcome=outcomes,
        by_method=_most_first((method, count) for (_, method), (count, _) in known.groups.items()),
        tasks=tasks,
        language_models=language_models,
        failed=sum(outcomes.get(status, 0) for status in FAILED),
        compute_s=sum(seconds for _, seconds in known.groups.values()),
        this_week=sum(count for (day, _), count in known.days.items() if day > since),
    )
