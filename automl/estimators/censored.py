"""What to make of a value that is only known to lie between two bounds, or beyond one.

Knows normal beliefs and bounds; knows no run.
"""

from __future__ import annotations

import math

import numpy as np

from automl.estimators.features import Vector

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


def beyond(mean: float, spread: float, least: float) -> tuple[float, float]:
    """How far a normal value known to lie above `least` is above its mean, and its share of the variance."""
    z = (least - mean) / spread
    tail = 0.5 * math.erfc(z / math.sqrt(2))
    hazard = math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / tail if tail > 1e-12 else z + 1 / max(z, 1.0)
    return spread * hazard, min(max(1 + z * hazard - hazard * hazard, 0.0), 1.0)


def chance_beyond(mean: Vector, spread: Vector, log_limit: float) -> Vector:
    """(n,) the probability that a run takes longer than the limit."""
    z = (log_limit - mean) / (spread * math.sqrt(2))
    return np.array([0.5 * math.erfc(value) for value in z])
