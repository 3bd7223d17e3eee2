"""From utilities and distances to learning rates.

Knows neither pipelines nor tasks. Formulas of XAutoLM: alpha = limit * utility * exp(-beta * distance).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Literal

from automl.errors import EvidenceError

#: Keeps beta finite where all distances are equal.
LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class Rate:
    """The largest learning rate of one sign: `fixed`, or `adaptive`, which shares `value` among all
    evidence.
    """

    kind: Literal["fixed", "adaptive"]
    value: float

    def __post_init__(self) -> None:
        if self.kind not in ("fixed", "adaptive") or not 0 <= self.value < math.inf:
            raise EvidenceError(
                f"a rate is fixed or adaptive with a value >= 0, got {self.kind!r} {self.value!r}"
            )

    def limit(self, count: int) -> float:
        """The largest rate of one of `count` pieces of evidence."""
        return self.value if self.kind == "fixed" or not count else self.value / count


def decay(distances: Sequence[float], scale: float) -> float:
    """beta >= 0 by which evidence fades with distance: scale / (max(sd, 1e-6) + mean); 0 ignores distance.

    Mean and population deviation run over the distances of all selected evidence, both signs together.
    """
    if scale < 0:
        raise EvidenceError(f"the scale of beta must be >= 0, got {scale!r}")
    if not distances:
        return scale
    return scale / (max(pstdev(distances), LEAST_SPREAD) + fmean(distances))


def positive_rates(
    utilities: Sequence[float], distances: Sequence[float], rate: Rate, beta: float
) -> list[float]:
    """Learning rates >= 0 of successes."""
    limit = rate.limit(len(utilities))
    return [limit * u * _fade(d, beta) for u, d in zip(utilities, distances, strict=True)]


def negative_rates(distances: Sequence[float], rate: Rate, beta: float) -> list[float]:
    """Learning rates <= 0 of failures; how they failed makes no difference."""
    limit = rate.limit(len(distances))
    return [-limit * _fade(d, beta) for d in distances]


def _fade(distance: float, beta: float) -> float:
    if distance < 0 or beta < 0:
        raise EvidenceError(f"distance and beta must be >= 0, got {distance!r} and {beta!r}")
    return math.exp(-beta * distance)
