"""What one asker's sums came to, kept in this process until the store or their teams change. It knows no sum."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db.models import Count, Subquery, Sum

from knowledgebase.accounts.models import Membership, User
from knowledgebase.core.requests import once_a_request
from knowledgebase.experiences.models import ChangeCounter, Experience

# A few askers, a few sums each.
KEPT = 64
# What counts the last days is looked up again after so long, though nothing came in.
FRESH_S = 600
Found = TypeVar("Found")
_kept: dict[tuple[int, str], tuple[tuple[Any, ...], object]] = {}


def kept_until_change(user: User, name: str, look_up: Callable[[], Found]) -> Found:
    """What `look_up` says for this asker, looked up once for each state of the store; do not change it.

    For what follows from experiences, tasks and memberships alone; `name` tells one such thing from another.
    """
    # Asked first: what commits while the rest is read is read again next time, and never missed.
    now = once_a_request(("store state", user.pk), lambda: store_state(user))
    if now is None:
        return look_up()
    state = (*now, int(time.time() // FRESH_S))
    found = _kept.get((user.pk, name))
    if found is None or found[0] != state:
        _kept[(user.pk, name)] = found = (state, look_up())
        while len(_kept) > KEPT:
            _kept.pop(next(iter(_kept)), None)
    return cast(Found, found[1])


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
