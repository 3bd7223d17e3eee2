"""How the store grew: experiences by period and outcome. It lays nothing out."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from django.utils import timezone

from knowledgebase.accounts.models import User
from knowledgebase.experiences.expressions import FAILED
from knowledgebase.experiences.selectors.sums import whole

WEEKS = 26
# Below this, weeks would be too few to show a course.
DAYS_BY_DAY = 21

Period = tuple[date, int, int, int]


def growth(user: User) -> tuple[str, list[Period]]:
    """The last half year that the user may see: "day" or "week", and (first day, ok, other, failed) without gaps."""
    since = timezone.now().date() - timedelta(weeks=WEEKS)
    found = [(day, status, count) for (day, status), count in whole(user).days.items() if day >= since]
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
