"""Means over data sets with intervals, and which estimator is ahead of a baseline by more than luck.

Knows a number for each data set; knows no estimator. The interval is a bootstrap over data sets (2,000 draws,
2.5 to 97.5 %); estimators are compared on the same data sets, pair by pair.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from automl.estimators.features import Vector

DRAWS, SEED = 2000, 20261121
LEVELS = (2.5, 97.5)
#: Fewer data sets give no interval worth the name.
LEAST_PAIRS = 3


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval, over so many data sets."""

    value: float
    low: float
    high: float
    count: int


def mean_of(values: Vector) -> Mean:
    """Over the data sets that have a value; NaN without any."""
    there = values[np.isfinite(values)]
    if not len(there):
        return Mean(math.nan, math.nan, math.nan, 0)
    drawn = np.random.default_rng(SEED).integers(0, len(there), (DRAWS, len(there)))
    low, high = np.percentile(there[drawn].mean(axis=1), LEVELS)
    return Mean(float(there.mean()), float(low), float(high), len(there))


def ahead(values: Vector, baseline: Vector, *, higher_is_better: bool) -> Mean:
    """By how much values are better than the baseline's, data set by data set: above 0 is better."""
    return mean_of((values - baseline) * (1.0 if higher_is_better else -1.0))


def beats(difference: Mean) -> bool:
    """Whether the lower bound of the difference is above 0."""
    return difference.count >= LEAST_PAIRS and difference.low > 0
