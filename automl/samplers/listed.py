"""`listed`: a fixed list of pipelines in its order, for collecting a table of experience."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from automl.errors import SamplerError
from automl.samplers.base import Setting, known_options
from automl.values import Outcome, Pipeline, Proposal


class ListedSampler:
    """Trial n runs the n-th pipeline, twice the same one where the list says so; then there is nothing more."""

    def __init__(self, setting: Setting) -> None:
        known_options("listed", setting.options, ("pipelines",))
        listed = setting.options.get("pipelines")
        if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
            raise SamplerError(f"sampler 'listed' needs the option pipelines, a list, got {listed!r}"[:300])
        self.pipelines = [self._pipeline(setting, item) for item in listed]

    def _pipeline(self, setting: Setting, item: object) -> Pipeline:
        if not isinstance(item, Mapping):
            raise SamplerError(f"a listed pipeline must be an object, got {item!r}"[:300])
        try:
            pipeline = Pipeline.from_dict({"space": setting.space.name, **item})
        except (KeyError, TypeError) as wrong:
            raise SamplerError(f"a listed pipeline is malformed ({wrong}): {item!r}"[:300]) from wrong
        if reasons := setting.space.reasons(pipeline):
            raise SamplerError(f"a listed pipeline is outside of the space: {'; '.join(reasons)}")
        return pipeline

    def propose(
        self, number: int, history: Sequence[Outcome], taken: Collection[str], rng: np.random.Generator
    ) -> Proposal | None:
        if number > len(self.pipelines):
            return None
        return Proposal(number, self.pipelines[number - 1], "listed")

    def log_weights(self, pipelines: Sequence[Pipeline], history: Sequence[Outcome]) -> list[float]:
        return [0.0] * len(pipelines)
