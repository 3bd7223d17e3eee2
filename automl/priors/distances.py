"""How far tasks are, as the options of a prior say: one distance over all features, or a weighted sum of parts.

Knows features by the beginning of their names: "system." is the machine's, "semantic." a text's meaning, all others
are the task's own ("meta"). Knows no evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from automl.neighbours import Neighbour, nearest
from automl.values import Features, is_finite

if TYPE_CHECKING:
    from automl.priors.options import PriorOptions

PREFIXES = {"system": "system.", "semantic": "semantic."}
#: Embeddings are compared by their direction, whatever the other parts are compared by.
METRIC_OF = {"semantic": "cosine"}


def with_system(metafeatures: Features, system: Features) -> dict[str, float | None]:
    """The features of a task together with those of its machine."""
    return {**metafeatures, **{f"system.{name}": value for name, value in system.items()}}


def by_distance(target: Features, others: Mapping[str, Features], options: PriorOptions) -> list[Neighbour]:
    """All of `others`, nearest first, ties by name.

    With `options.parts`: the sum of each part's own distance times its weight, over the parts that the target has,
    the weights of which are made to sum to 1. Source: XAutoLM, second version, which had infinity where a part lacked.
    """
    if not options.parts:
        return nearest(target, others, scales=options.scales, metric=options.metric)
    there = [(part, weight) for part, weight in options.parts if weight > 0 and _has(target, part)]
    total = sum(weight for _, weight in there) or 1.0
    far = dict.fromkeys(others, 0.0)
    parts: dict[str, dict[str, float]] = {task: {} for task in others}
    for part, weight in there:
        own = {task: _only(features, part) for task, features in others.items()}
        metric = METRIC_OF.get(part, options.metric)
        for one in nearest(_only(target, part), own, scales=options.scales, metric=metric):
            share = weight / total * one.distance
            far[one.task] += share
            whole = sum(one.parts.values()) or 1.0
            parts[one.task] |= {name: share * value / whole for name, value in one.parts.items()}
    ordered = sorted(others, key=lambda task: (far[task], task))
    return [Neighbour(task, far[task], parts[task]) for task in ordered]


def _only(features: Features, part: str) -> dict[str, float | None]:
    return {name: value for name, value in features.items() if _part_of(name) == part}


def _part_of(name: str) -> str:
    return next((part for part, prefix in PREFIXES.items() if name.startswith(prefix)), "meta")


def _has(features: Features, part: str) -> bool:
    return any(is_finite(value) for value in _only(features, part).values())
