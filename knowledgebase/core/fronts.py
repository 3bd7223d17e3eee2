"""Which of several results no other beats in score and time at once; it knows neither rows nor charts."""

from __future__ import annotations

import math
from collections.abc import Iterable


def front_places(results: Iterable[tuple[float, float]]) -> list[int]:
    """Places of the (score, seconds) that none beats, higher and faster, the fastest first; of equals the first."""
    best, places = -math.inf, []
    for _, falling, place in sorted((seconds, -score, at) for at, (score, seconds) in enumerate(results)):
        if -falling > best:
            best = -falling
            places.append(place)
    return places
