"""The sampler "random": uniform draws from the space, none twice.

Knows nothing and learns nothing; it takes no options.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from automl.samplers.base import Sampler, Setting, known_options
from automl.space import Space
from automl.values import Outcome, Pipeline, Proposal

#: Draws before a space counts as used up: with 1 pipeline of 40 left, one search in 150 ends too early.
TRIES = 200


class RandomSampler(Sampler):
    """What every other sampler has to beat."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        known_options("random", setting.options, ())

    def learn(self, history: Sequence[Outcome]) -> None:
        """Nothing to learn."""

    def propose(self, number: int, taken: Set[str]) -> Proposal | None:
        """A uniform draw that is not taken; None when the space seems used up."""
        pipeline = fresh_uniform(self.space, self.generator(number), taken)
        return None if pipeline is None else Proposal(number, pipeline, "uniform")

    def log_weights(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) zeros."""
        return np.zeros(len(pipelines))


def fresh_uniform(space: Space, rng: np.random.Generator, taken: Set[str]) -> Pipeline | None:
    """A uniform draw that is not taken; None after `TRIES` draws."""
    return first_fresh(lambda: space.sample(rng, 1)[0], taken, TRIES)


def first_fresh(draw: Callable[[], Pipeline], taken: Set[str], tries: int) -> Pipeline | None:
    """The first of `tries` draws that is not taken, if there is one."""
    for _ in range(tries):
        pipeline = draw()
        if pipeline.key() not in taken:
            return pipeline
    return None
