"""Which of several results no other beats in everything that counts; it knows neither rows nor charts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def front_places(results: Iterable[tuple[float, float]]) -> list[int]:
    """Places of the (score, seconds) that none beats, higher and faster, the fastest first; of equals the first."""
    best, places = -math.inf, []
    for _, falling, place in sorted((seconds, -score, at) for at, (score, seconds) in enumerate(results)):
        if -falling > best:
            best = -falling
            places.append(place)
    return places


def cheapest_places(costs: Iterable[Sequence[float]]) -> list[int]:
    """Places of the rows of costs, all of one length, that none beats, smaller being better; of equals the first.

    Rising by the first cost, then by the next. A row comes after every row that beats it, so that only what was
    kept has to be looked at.
    """
    kept: list[tuple[Sequence[float], int]] = []
    for row, place in sorted((tuple(row), at) for at, row in enumerate(costs)):
        if not any(all(a <= b for a, b in zip(one, row, strict=True)) for one, _ in kept):
            kept.append((row, place))
    return [place for _, place in kept]
