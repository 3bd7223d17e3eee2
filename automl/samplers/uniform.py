"""The sampler "random": uniform draws from the space.

Knows nothing and learns nothing; it takes no options.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from automl.errors import SamplerError
from automl.samplers.base import Sampler, Setup
from automl.space import Space
from automl.values import Outcome, Pipeline, Proposal

#: Draws before a repetition is accepted: a space of which 1 in 40 pipelines is left is still served.
TRIES = 200


class RandomSampler(Sampler):
    """Uniform draws; a pipeline twice only when the space has hardly another."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.options:
            raise SamplerError(f"random takes no options, got {dict(setup.options)!r}")

    def learn(self, history: Sequence[Outcome]) -> None:
        """Nothing to learn."""

    def propose(self, number: int, taken: Set[str]) -> Proposal:
        """A uniform draw that is not taken, where the space has one."""
        pipeline = fresh_uniform(self.space, self.generator(number), taken)
        return Proposal(number, pipeline, "uniform", choice_share(self.space, pipeline))

    def log_probability(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) zeros."""
        return np.zeros(len(pipelines))


def fresh_uniform(space: Space, rng: np.random.Generator, taken: Set[str]) -> Pipeline:
    """A uniform draw that is not taken; any draw after `TRIES` of them."""
    return first_fresh(lambda: space.sample(rng, 1)[0], taken, TRIES)


def first_fresh(draw: Callable[[], Pipeline], taken: Set[str], tries: int) -> Pipeline:
    """The first of `tries` draws that is not taken, else the last one."""
    pipeline = draw()
    for _ in range(tries - 1):
        if pipeline.key() not in taken:
            break
        pipeline = draw()
    return pipeline


def choice_share(space: Space, pipeline: Pipeline) -> float:
    """The uniform probability of the pipeline's method and language model."""
    models = len(space.language_models) if pipeline.language_model is not None else 1
    return 1 / len(space.methods) / models
