"""`random`: uniform draws from the space, none twice while others are left."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from automl.samplers.base import TRIES, Setting, known_options
from automl.values import Outcome, Pipeline, Proposal


class RandomSampler:
    """Knows nothing and learns nothing: what every other sampler has to beat."""

    def __init__(self, setting: Setting) -> None:
        known_options("random", setting.options, ())
        self.space = setting.space

    def propose(
        self, number: int, history: Sequence[Outcome], taken: Collection[str], rng: np.random.Generator
    ) -> Proposal | None:
        for _ in range(TRIES):
            [pipeline] = self.space.sample(rng, 1)
            if pipeline.key() not in taken:
                return Proposal(number, pipeline, "uniform")
        return None

    def log_weights(self, pipelines: Sequence[Pipeline], history: Sequence[Outcome]) -> list[float]:
        return [0.0] * len(pipelines)
