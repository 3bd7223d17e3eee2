"""The sampler "listed": a fixed list of pipelines, in order, each once (twice when listed twice).

Knows nothing and learns nothing. Its one option is `pipelines`, a list in the shape of `Pipeline.to_dict`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from automl.errors import SamplerError
from automl.samplers.base import Sampler, Setup
from automl.values import Outcome, Pipeline, Proposal


class ListedSampler(Sampler):
    """Trial n runs the n-th pipeline of the list; after the last there is nothing to propose.

    SamplerError when the list is missing, empty or has a pipeline outside of the space.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        items = setup.options.get("pipelines")
        if not isinstance(items, Sequence) or isinstance(items, str) or not items or len(setup.options) != 1:
            raise SamplerError(
                f"listed takes one option, a list of pipelines that is not empty, got {dict(setup.options)!r}"
            )
        self.pipelines = [self._read(place, item) for place, item in enumerate(items)]

    def _read(self, place: int, item: object) -> Pipeline:
        try:
            pipeline = Pipeline.from_dict(item if isinstance(item, Mapping) else {})
        except (KeyError, TypeError) as wrong:
            raise SamplerError(f"pipelines[{place}] is no pipeline ({wrong}): {item!r}") from wrong
        if reasons := self.space.reasons(pipeline):
            raise SamplerError(f"pipelines[{place}] is outside of {self.space.name!r}: {'; '.join(reasons)}")
        return pipeline

    def learn(self, history: Sequence[Outcome]) -> None:
        """Nothing to learn."""

    def propose(self, number: int, taken: Set[str]) -> Proposal | None:
        """The pipeline at the trial's place, taken or not; None after the last."""
        if number > len(self.pipelines):
            return None
        return Proposal(number, self.pipelines[number - 1], "listed")

    def log_probability(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) zeros for listed pipelines, -inf for others."""
        listed = {pipeline.key() for pipeline in self.pipelines}
        return np.array([0.0 if item.key() in listed else -np.inf for item in pipelines])
