"""The sampler "listed": a fixed list of pipelines, in order, each once (twice when listed twice).

Knows nothing and learns nothing; for collecting a table of experience. Its one option is `pipelines`, a list
in the shape of `Pipeline.to_dict`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from automl.errors import SamplerError
from automl.samplers.base import Sampler, Setting, known_options
from automl.values import Outcome, Pipeline, Proposal


class ListedSampler(Sampler):
    """Trial n runs the n-th pipeline of the list; after the last there is nothing to propose.

    SamplerError when the list is missing, empty or has a pipeline outside of the space.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        known_options("listed", setting.options, ("pipelines",))
        items = setting.options.get("pipelines")
        if not isinstance(items, Sequence) or isinstance(items, str) or not items:
            raise SamplerError(f"sampler 'listed' needs the option pipelines, a list, got {items!r}"[:300])
        self.pipelines = [self._read(place, item) for place, item in enumerate(items)]

    def _read(self, place: int, item: object) -> Pipeline:
        try:
            known = item if isinstance(item, Mapping) else {}
            pipeline = Pipeline.from_dict({"space": self.space.name, **known})
        except (KeyError, TypeError) as wrong:
            raise SamplerError(f"pipelines[{place}] is no pipeline ({wrong}): {item!r}"[:300]) from wrong
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

    def log_weights(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) zeros: the order is fixed and prefers nothing."""
        return np.zeros(len(pipelines))
