"""What reached most on a task, and what nothing beats in score and time at once. It writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from knowledgebase.accounts.models import User
from knowledgebase.core.errors import invalid
from knowledgebase.experiences.models import Experience, Task

MOST_LEADERS, USUAL_LEADERS = 100, 20


@dataclass(frozen=True)
class Leader:
    """One experience on the board. `place` 1 is the best score; `on_front`: none is better and as fast, or faster."""

    place: int
    row: Experience
    on_front: bool


@dataclass(frozen=True)
class MetricUse:
    """How many scores there are of a metric on a split."""

    metric: str
    split: str
    experiences: int


@dataclass(frozen=True)
class Leaderboard:
    """Scores of one metric on one split; only those compare. `used`: what there is, most used first."""

    task: Task
    metric: str
    split: str
    compared: int
    leaders: list[Leader]
    front: list[Leader]
    used: list[MetricUse]


def leaderboard(user: User, task: Task, *, metric: str = "", split: str = "", limit: str = "") -> Leaderboard:
    """The best `limit` (1 to MOST_LEADERS) and the whole front; Problem 422 for a limit that is none.

    A metric or split that nobody used makes an empty board.
    """
    most = known_limit(limit)
    scored = Experience.objects.visible_to(user).filter(task=task, status="ok", score__isnull=False)
    counted = scored.order_by().values_list("primary_metric", "primary_split").annotate(runs=Count("*"))
    used = [MetricUse(*one) for one in sorted(counted, key=lambda one: (-one[2], one[0], one[1]))]
    chosen = (one for one in used if metric in ("", one.metric) and split in ("", one.split))
    if (most_used := next(chosen, None)) is not None:
        metric, split = most_used.metric, most_used.split
    points = list(
        scored.filter(primary_metric=metric, primary_split=split)
        .order_by("-score", "evaluation_s", "pk")
        .values_list("pk", "score", "evaluation_s")
    )
    front = front_places([seconds for _, _, seconds in points])
    places = sorted({*range(min(most, len(points))), *front})
    rows = Experience.objects.select_related("language_model", "pipeline").defer("record")
    found = rows.in_bulk([points[place][0] for place in places])
    leaders = {place: Leader(place + 1, found[points[place][0]], place in front) for place in places}
    return Leaderboard(
        task,
        metric,
        split,
        len(points),
        [leaders[place] for place in places if place < most],
        [leaders[place] for place in sorted(front, reverse=True)],
        used,
    )


def front_places(seconds: Sequence[float | None]) -> set[int]:
    """Of rows by falling score (equal ones by rising seconds), those faster than every one before them."""
    found: set[int] = set()
    fastest = float("inf")
    for place, value in enumerate(seconds):
        if value is not None and value < fastest:
            found.add(place)
            fastest = value
    return found


def known_limit(text: str) -> int:
    if not text:
        return USUAL_LEADERS
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= MOST_LEADERS):
        raise invalid("limit", f"{text[:20]!r} is not a whole number from 1 to {MOST_LEADERS}")
    return int(text)
