"""A seeded, space-filling list of pipelines for collecting a table of experience.

It knows the space and no dataset: the same seed gives the same list on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from automl.sources.language_models import known_keys
from automl.space import Space
from automl.spaces.tunelore import tunelore
from automl.values import Pipeline

# Methods that train the encoder have more to vary and more ways to fail than the two that do not.
QUOTAS: Mapping[str, int] = {"full": 4, "lora": 3, "partial": 3, "probe": 3, "linear": 3}


def draw_pipelines(seed: int, quotas: Mapping[str, int] = QUOTAS) -> list[dict[str, object]]:
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
