"""How useful each success was, in [0, 1], from its score and its seconds.

Knows neither pipelines nor distances. All functions take n successes as equal-long sequences: the group that
each is compared in (its task), its score (higher is better) and its seconds (None where unknown).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from automl.errors import EvidenceError
from automl.fronts import fronts

Seconds = Sequence[float | None]


def utilities(
    kind: str,
    groups: Sequence[str],
    scores: Sequence[float],
    seconds: Seconds,
    *,
    score_weight: float = 0.5,
    seconds_weight: float = 0.5,
) -> list[float]:
    """The utilities (n,) in [0, 1] of n successes, computed within each group.

    Weights need not sum to 1; the fronts only look at whether they are positive. Sources: "weighted_sum_v1",
    "weighted_sum_v2", "linear_front" and "logarithmic_front" of XAutoLM; "rank" is ours (see `rank`).
    EvidenceError for an unknown kind or weights that are negative or both zero.
    """
    if kind not in UTILITIES:
        raise EvidenceError(f"utility {kind!r} is unknown; use one of {sorted(UTILITIES)}")
    if min(score_weight, seconds_weight) < 0 or score_weight + seconds_weight <= 0:
        raise EvidenceError(
            f"weights must be >= 0 and not both 0, got {score_weight!r} and {seconds_weight!r}"
        )
    total = score_weight + seconds_weight
    found = [0.0] * len(scores)
    for group in dict.fromkeys(groups):
        rows = [row for row, name in enumerate(groups) if name == group]
        values = UTILITIES[kind](
            [scores[row] for row in rows], [seconds[row] for row in rows], score_weight / total
        )
        for row, value in zip(rows, values, strict=True):
            found[row] = value
    return found


def weighted_sum_v1(scores: Sequence[float], seconds: Seconds, weight: float) -> list[float]:
    """Score as a share of the group's best, time min-max scaled; a lone success gets all there is."""
    best = max(scores) or 1.0
    known = [value for value in seconds if value is not None]
    low, width = (min(known), max(known) - min(known) or 1.0) if known else (0.0, 1.0)
    fast = [None if value is None else 1 - (value - low) / width for value in seconds]
    return [_mix(score / best, speed, weight) for score, speed in zip(scores, fast, strict=True)]


def weighted_sum_v2(scores: Sequence[float], seconds: Seconds, weight: float) -> list[float]:
    """Both min-max scaled within the group, one half where all are equal."""
    good = _min_max(scores)
    fast = [None if share is None else 1 - share for share in _min_max(seconds)]
    return [_mix(_known(score), speed, weight) for score, speed in zip(good, fast, strict=True)]


def rank(scores: Sequence[float], seconds: Seconds, weight: float) -> list[float]:
    """Ranks instead of values, so that one very slow or very bad run does not squeeze all others together."""
    good = _min_max(_ranks(scores))
    slow = _min_max(_ranks([math.inf if value is None else value for value in seconds]))
    fast = [None if value is None else 1 - _known(share) for value, share in zip(seconds, slow, strict=True)]
    return [_mix(_known(score), speed, weight) for score, speed in zip(good, fast, strict=True)]


def linear_front(scores: Sequence[float], seconds: Seconds, weight: float) -> list[float]:
    """(n - r) / n for the r-th of n non-dominated fronts, r from 0."""
    depth, count = _depths(scores, seconds, weight)
    return [(count - r) / count for r in depth]


def logarithmic_front(scores: Sequence[float], seconds: Seconds, weight: float) -> list[float]:
    """ln(n - r + 1) / ln(n + 1) for the r-th of n non-dominated fronts, r from 0."""
    depth, count = _depths(scores, seconds, weight)
    return [math.log(count - r + 1) / math.log(count + 1) for r in depth]


UTILITIES: Mapping[str, Callable[[Sequence[float], Seconds, float], list[float]]] = {
    "weighted_sum_v1": weighted_sum_v1,
    "weighted_sum_v2": weighted_sum_v2,
    "rank": rank,
    "linear_front": linear_front,
    "logarithmic_front": logarithmic_front,
}


def _mix(good: float, fast: float | None, weight: float) -> float:
    """Both shares weighed; the score alone where the time is unknown."""
    return good if fast is None else weight * good + (1 - weight) * fast


def _known(share: float | None) -> float:
    return 0.5 if share is None else share


def _min_max(values: Seconds) -> list[float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return [None] * len(values)
    low, width = min(known), max(known) - min(known)
    return [None if v is None else (v - low) / width if width > 0 else 0.5 for v in values]


def _ranks(values: Sequence[float]) -> list[float]:
    """The mean position of each value in ascending order; equal values share theirs."""
    array = np.asarray(values)
    below = (array[None, :] < array[:, None]).sum(axis=1)
    equal = (array[None, :] == array[:, None]).sum(axis=1)
    return [float(value) for value in below + (equal - 1) / 2]


def _depths(scores: Sequence[float], seconds: Seconds, weight: float) -> tuple[list[int], int]:
    """The front of each success, from 0, and how many fronts there are; a weight of 0 drops its objective."""
    columns = []
    if weight > 0:
        columns.append([-score for score in scores])
    if weight < 1:
        columns.append([math.inf if value is None else value for value in seconds])
    layers = fronts(np.asarray(columns, dtype=float).T)
    place = {row: depth for depth, layer in enumerate(layers) for row in layer}
    return [place[row] for row in range(len(scores))], len(layers)
