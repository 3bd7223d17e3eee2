"""How the store grew: experiences by period and outcome. It lays nothing out."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from django.db.models import CharField, Count
from django.db.models.functions import Cast, Substr
from django.utils import timezone

from knowledgebase.accounts.models import User
from knowledgebase.experiences.expressions import FAILED
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.selectors.keeping import kept_until_change

WEEKS = 26
# Below this, weeks would be too few to show a course.
DAYS_BY_DAY = 21

Period = tuple[date, int, int, int]


def growth(user: User) -> tuple[str, list[Period]]:
    """The last half year that the user may see: "day" or "week", and (first day, ok, other, failed) without gaps."""
    return kept_until_change(user, "growth", lambda: _growth(user))


def _growth(user: User) -> tuple[str, list[Period]]:
    since = timezone.now() - timedelta(weeks=WEEKS)
    # The day as the first letters of the text: a function of the database, where one of Python's is called by row.
    days = (
        Experience.objects.visible_to(user)
        .filter(received_at__gte=since)
        .order_by()
        .annotate(day=Substr(Cast("received_at", CharField()), 1, 10))
        .values_list("day", "status")
        .annotate(count=Count("*"))
    )
    found = [(date.fromisoformat(day), status, count) for day, status, count in days]
    if not found:
        return "day", []
    first = min(day for day, _, _ in found)
    today = timezone.now().date()
    step = 1 if (today - first).days < DAYS_BY_DAY else 7
    start = first - timedelta(days=first.weekday() if step == 7 else 0)
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for day, status, count in found:
        counts[(day - start).days // step][2 if status in FAILED else 0 if status == "ok" else 1] += count
    last = max((today - start).days // step, *counts)
    periods = [
        (start + timedelta(days=step * at), counts[at][0], counts[at][1], counts[at][2])
        for at in range(last + 1)
    ]
    return ("day" if step == 1 else "week"), periods
