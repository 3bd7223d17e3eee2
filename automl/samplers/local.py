"""Small changes of good pipelines, and which pipelines are good: what samplers that look near the best share.

Knows spaces, scores and seconds; knows no sampler and no history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from automl.space import Choice, Space
from automl.values import SCORE, TRAIN_FRACTION, Objective, Pipeline, is_fraction

#: How far a moved decision goes, in unit coordinates, and how often it is redrawn instead of moved.
STEP, REDRAWN = 0.15, 0.3
#: How often the language model is changed as well.
OTHER_MODEL = 0.12


def changed(space: Space, pipelines: Sequence[Pipeline], rng: np.random.Generator) -> list[Pipeline]:
    """Each pipeline with one or two decisions redrawn or moved; its method stays."""
    if not pipelines:
        return []
    units = space.encode(pipelines)
    for row in units:
        _move(row, rng)
    return space.decode(space.fill(units, rng))


def beside_in_rows(space: Space, pipelines: Sequence[Pipeline]) -> list[Pipeline]:
    """Each pipeline on the next larger fraction of the training rows that its method knows, and on the next smaller.

    Nothing of those whose method has no choice of fractions.
    """
    found = []
    for one in pipelines:
        parameter = space.method(one.method).parameters.get(TRAIN_FRACTION)
        if isinstance(parameter, Choice) and TRAIN_FRACTION in one.hyperparameters:
            options = sorted(filter(is_fraction, parameter.options))
            larger = [share for share in options if share > one.train_fraction][:1]
            smaller = [share for share in options if share < one.train_fraction][-1:]
            found += [_with_fraction(one, share) for share in (*larger, *smaller)]
    return found


def _with_fraction(pipeline: Pipeline, fraction: float) -> Pipeline:
    return replace(pipeline, hyperparameters={**pipeline.hyperparameters, TRAIN_FRACTION: fraction})


def _move(row: np.ndarray, rng: np.random.Generator) -> None:
    has_model = not np.isnan(row[1])
    if has_model and rng.random() < OTHER_MODEL:
        row[1] = rng.random()
    own = np.flatnonzero(~np.isnan(row[2:])) + 2
    if not len(own):
        return
    for column in rng.choice(own, min(len(own), int(rng.integers(1, 3))), replace=False):
        near = float(np.clip(row[column] + rng.normal(0, STEP), 0, 1))
        row[column] = rng.random() if rng.random() < REDRAWN else near


def best_in_turn(
    scores: Sequence[float],
    seconds: Sequence[float],
    *,
    limit_s: float,
    count: int,
    objectives: Sequence[Objective],
) -> list[int]:
    """The rows that together dominate most, greedily: first the best alone, then what adds most to it.

    Without the score, or with it alone, simply the best; the rest, which adds nothing, follows in the order of its
    own worth. `seconds` may be any cost, `limit_s` its reference.
    """
    names = {objective.name for objective in objectives}
    if SCORE.name not in names or len(names) == 1:
        worth = list(scores) if SCORE.name in names else [-spent for spent in seconds]
        return sorted(range(len(worth)), key=lambda row: -worth[row])[:count]
    return _greedy(np.asarray(scores, dtype=float), np.asarray(seconds, dtype=float), limit_s, count)


def _greedy(scores: np.ndarray, seconds: np.ndarray, limit_s: float, count: int) -> list[int]:
    alone = scores * np.maximum(limit_s - seconds, 0.0)
    chosen: list[int] = []
    left = list(range(len(scores)))
    while left and len(chosen) < count:
        gains = volume_gains(scores[left], seconds[left], scores[chosen], seconds[chosen], limit_s)
        best = max(range(len(left)), key=lambda place: (gains[place], alone[left[place]]))
        chosen.append(left.pop(best))
    return chosen


def volume_gains(
    scores: np.ndarray, seconds: np.ndarray, had_scores: np.ndarray, had_seconds: np.ndarray, limit_s: float
) -> np.ndarray:
    """(...) what each point adds to the area that the points had dominate, in score x seconds.

    `scores` and `seconds` have one shape (or broadcast to it); the reference point is score 0 at the limit.
    """
    order = np.argsort(had_seconds, kind="stable")
    starts = np.concatenate([[0.0], np.minimum(had_seconds[order], limit_s), [limit_s]])
    heights = np.concatenate([[0.0], np.maximum.accumulate(had_scores[order])]) if len(order) else [0.0]
    gains = np.zeros(np.broadcast_shapes(np.shape(scores), np.shape(seconds)))
    for place, height in enumerate(heights):
        width = starts[place + 1] - np.maximum(seconds, starts[place])
        gains += np.maximum(width, 0.0) * np.maximum(scores - height, 0.0)
    return gains
