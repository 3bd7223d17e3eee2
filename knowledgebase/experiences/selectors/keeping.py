"""What one asker's sums came to, kept in this process until the store or their teams change. It knows no sum.

Sums that take long, over a million experiences say, would be made again for every visit to a hub that something
comes into every second: they stand for a while, at most a minute, though the store has changed. They are numbers
alone; names and words, and whatever depends on who is in which team, are never behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.db.models import Count, Subquery, Sum

from knowledgebase.accounts.models import Membership, User
from knowledgebase.core.deadlines import bounded
from knowledgebase.core.requests import once_a_request
from knowledgebase.experiences.models import ChangeCounter, Experience

# A few askers, a few sums each.
KEPT = 128
# What counts the last days is looked up again after so long, though nothing came in.
FRESH_S = 600
# In a store of so many changes, sums that took longer stand for so many times what they took, LONGEST_REST_S at most.
LARGE, SLOW_S, REST, LONGEST_REST_S = 200_000, 0.25, 50, 60.0
# What makes them may take longer than a read that is made for each visit.
LONGEST_S = 20.0
Found = TypeVar("Found")


@dataclass(frozen=True)
class _Kept:
    """What was found, for which state of the store and of the teams; until when it stands though the store changed."""

    store: tuple[Any, ...]
    teams: tuple[Any, ...]
    stands_until: float
    found: object


_kept: dict[tuple[int, str], _Kept] = {}


def kept_until_change(user: User, name: str, look_up: Callable[[], Found]) -> Found:
    """What `look_up` says for this asker, looked up once for each state of the store; do not change it.

    For what follows from experiences, tasks and memberships alone; `name` tells one such thing from another.
    """
    return _keep(user, name, look_up, may_stand=False)


def kept_sums(user: User, name: str, look_up: Callable[[], Found]) -> Found:
    """The same for numbers; those that took long may be up to a minute behind the store."""
    return _keep(user, name, look_up, may_stand=True)


def _keep(user: User, name: str, look_up: Callable[[], Found], *, may_stand: bool) -> Found:
    # Asked first: what commits while the rest is read is read again next time, and never missed.
    now = once_a_request(("store state", user.pk), lambda: store_state(user))
    if now is None:
        return look_up()
    store, teams = (*now[:2], int(time.time() // FRESH_S)), now[2:]
    kept = _kept.get((user.pk, name))
    stands = kept is not None and (kept.store == store or time.monotonic() < kept.stands_until)
    if kept is not None and stands and kept.teams == teams:
        return cast(Found, kept.found)
    began = time.monotonic()
    with bounded(LONGEST_S):
        found = look_up()
    took = time.monotonic() - began
    slow = may_stand and now[0] >= LARGE and took > SLOW_S
    rest = min(REST * took, LONGEST_REST_S) if slow else 0.0
    _kept[(user.pk, name)] = _Kept(store, teams, time.monotonic() + rest, found)
    while len(_kept) > KEPT:
        _kept.pop(next(iter(_kept)), None)
    return found


def forget() -> None:
    """Keep nothing of what was found so far, in this process."""
    _kept.clear()


def store_state(user: User) -> tuple[Any, ...] | None:
    """What changes with every experience that comes, goes or is shared, and with every team joined or left.

    The number of the last change; the newest row's random id, which a restored store does not share; and of the
    memberships how many there are and the sum of their keys, which only grow.
    """
    newest = Experience.objects.order_by("-change_seq").values("pk")[:1]
    mine = Membership.objects.filter(user=user).order_by().values("user")
    states = ChangeCounter.objects.values_list(
        "last",
        Subquery(newest),
        Subquery(mine.annotate(many=Count("pk")).values("many")),
        Subquery(mine.annotate(whole=Sum("pk")).values("whole")),
    )
    return states.first()
