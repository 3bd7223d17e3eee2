"""A fraction of training rows: the same rows each time, and a smaller fraction's among a larger one's.

Knows rows and their classes; knows no pipeline and nothing of where the rows come from.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from automl.sources.answered.questions import Questions
from automl.sources.rows import Rows


def fraction_of(rows: Rows, fraction: float, seed: int) -> Rows:
    """`fraction` of the rows, in (0, 1], in their original order; the same arguments give the same rows.

    Their number is that share, rounded, and at least 1; of every class there is the share that it has in `rows`, give
    or take one row, and always one at least, which can make them more. Questions have no classes: theirs are drawn at
    random. Whatever the fractions, the rows of the smaller one are among those of the larger.
    """
    if fraction >= 1 or not len(rows):
        return rows
    groups = {"": list(range(len(rows)))} if isinstance(rows, Questions) else _by_label(rows.labels)
    order = _order(groups, seed)
    most = max(round(fraction * len(rows)), len(groups))
    return rows.take(sorted(order[:most]))


def _by_label(labels: Sequence[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {label: [] for label in sorted(set(labels))}
    for index, label in enumerate(labels):
        groups[label].append(index)
    return groups


def _order(groups: dict[str, list[int]], seed: int) -> list[int]:
    """All rows so that every beginning is a fair sample: one of each class first, then each class spread evenly."""
    source = random.Random(seed)  # noqa: S311 - a reproducible draw, no secret
    placed: list[tuple[float, int]] = []
    for indices in groups.values():
        shuffled, start = source.sample(indices, len(indices)), source.random()
        places = [-1.0, *((rank + start) / len(indices) for rank in range(1, len(indices)))]
        placed += zip(places, shuffled, strict=True)
    return [index for _, index in sorted(placed)]
