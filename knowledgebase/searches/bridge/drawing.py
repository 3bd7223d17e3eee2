"""A seeded, space-filling list of pipelines for collecting a table of experience.

It knows the space and no dataset: the same seed gives the same list on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from automl.sources.language_models import known_keys
from automl.space import Space
from automl.spaces.tunelore import tunelore
from automl.values import Pipeline


def draw_lists(draws: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """The lists of several draws, one after another: `seed`, `quotas`, and `count`, how many of the drawn are taken.

    Every draw but the first is put into a random order (by its seed), so that each of its beginnings mixes methods.
    """
    pipelines: list[dict[str, object]] = []
    for number, draw in enumerate(draws):
        drawn = _drawn(draw["seed"], draw["quotas"])
        order = np.random.default_rng(draw["seed"]).permutation(len(drawn)) if number else range(len(drawn))
        pipelines += [drawn[place] for place in order][: draw["count"]]
    return pipelines


def _drawn(seed: int, quotas: Mapping[str, int]) -> list[dict[str, object]]:
    """Pipelines as JSON objects: `quotas` of each method, language models taken in turn."""
    rng = np.random.default_rng(seed)
    keys = known_keys()
    turn = [keys[place] for place in rng.permutation(len(keys))]
    drawn: list[Pipeline] = []
    for method, count in quotas.items():
        drawn += _spread(tunelore(keys).restrict(methods=[method]), count, turn, rng)
        turn = turn[count % len(turn) :] + turn[: count % len(turn)]
    return [pipeline.to_dict() for pipeline in drawn]


def _spread(space: Space, count: int, turn: Sequence[str], rng: np.random.Generator) -> list[Pipeline]:
    """A Latin hypercube: each decision's range is cut into `count` parts and each part is met exactly once."""
    parts = rng.permuted(np.tile(np.arange(count)[:, None], (1, len(space.columns))), axis=0)
    units = (parts + rng.random(parts.shape)) / count
    pipelines = space.decode(units)
    if not space.methods[0].needs_language_model:
        return pipelines
    return [
        Pipeline(one.method, one.hyperparameters, turn[place % len(turn)], one.space)
        for place, one in enumerate(pipelines)
    ]
