"""What to make of a score that is only known to lie between two bounds.

Knows a normal belief and two numbers; knows no run.
"""

from __future__ import annotations

import math

import numpy as np

#: Points at which the belief is looked at between the bounds, and how far an open end reaches in deviations.
POINTS, OPEN_END = 65, 3.0


def expected_within(mean: float, deviation: float, low: float, high: float | None) -> float:
    """The mean of a normal belief (deviation > 0) once the value is known to lie in [low, high]; None is an open end.

    Same unit in and out. A belief far outside ends at the nearer bound; `high` below `low` counts as `low`.
    """
    top = max(low, mean + OPEN_END * deviation) if high is None else max(low, high)
    places = np.linspace(low, top, POINTS)
    logs = -0.5 * ((places - mean) / deviation) ** 2
    weights = np.exp(logs - logs.max())
    found = float(weights @ places / weights.sum())
    return found if math.isfinite(found) else low
