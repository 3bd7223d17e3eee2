"""`pge`: probabilistic grammatical evolution with non-dominated sorting, cold or warm-started by a prior.

After XAutoLM (EMNLP 2025) and AutoGOAL's NSPE search; its defects are mended and can be switched on by name
(`automl.priors.defects`). Knows no storage: the model is refitted from the whole history at each call.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from automl.errors import SamplerError
from automl.fronts import costs_of, crowding, fronts
from automl.priors.decisions import Decisions
from automl.priors.defects import Defects
from automl.priors.model import Model
from automl.samplers.base import TRIES, Setting, known_options
from automl.values import Outcome, Pipeline, Proposal


@dataclass(frozen=True)
class PgeOptions:
    """A population must be small against the budget, or a search ends before it has learnt once.

    The reference's 20 learns at trial 20; with 12 to 50 trials to spend, 4 gives a few generations already.
    """

    population: int = 4
    """Trials of one generation."""
    selection: float = 0.5
    """Share of a generation that is learnt from; at least one success."""
    learning_factor: float = 0.3
    """How far the model moves to the selected ones."""
    failure_factor: float = 0.1
    """How far it moves away from each failure."""
    explore: float = 0.1
    """Share of proposals drawn uniformly, kept after a warm start too: the way out of a wrong prior."""
    defects: Sequence[str] = ()
    """Names of the reference's defects to switch on."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> PgeOptions:
        """From JSON data; SamplerError naming what is unknown or out of range."""
        known_options("pge", given, [field.name for field in fields(cls)])
        options = cls(**given)
        if not (isinstance(options.population, int) and options.population >= 1):
            raise SamplerError(f"population must be a whole number from 1, got {options.population!r}")
        for name in ("selection", "learning_factor", "failure_factor", "explore"):
            value = getattr(options, name)
            if not (isinstance(value, (int, float)) and 0 <= value <= 1):
                raise SamplerError(f"{name} must lie in [0, 1], got {value!r}")
        return options

    @classmethod
    def reference(cls) -> PgeOptions:
        """The published settings with every defect on."""
        return cls(
            population=20,
            selection=0.2,
            learning_factor=0.05,
            failure_factor=0.0,
            defects=Defects.reference().names(),
        )


class PgeSampler:
    """One distribution per decision, moved each generation towards what was best in it."""

    def __init__(self, setting: Setting) -> None:
        self.options = PgeOptions.read(setting.options)
        self.defects = Defects.named(self.options.defects)
        self.decisions = Decisions(setting.space, self.defects)
        self.space, self.prior, self.objectives = setting.space, setting.prior, setting.objectives

    def propose(
        self, number: int, history: Sequence[Outcome], taken: Collection[str], rng: np.random.Generator
    ) -> Proposal | None:
        model = self.fit(history)
        origin = (
            "uniform" if rng.random() < self._explore() else "prior" if self._is_prior(history) else "model"
        )
        for _ in range(TRIES):
            pipeline = self._draw(model, origin, rng)
            if self.defects.repeat_pipelines or pipeline.key() not in taken:
                return Proposal(number, pipeline, origin, self._probability(model, origin, pipeline))
        return None

    def log_weights(self, pipelines: Sequence[Pipeline], history: Sequence[Outcome]) -> list[float]:
        """With the uniform share mixed in, so that nothing is impossible."""
        model, explore = self.fit(history), self._explore()
        found = []
        for pipeline in pipelines:
            ratio = math.exp(min(self.decisions.log_ratio(model, pipeline), 700.0))
            mixed = explore + (1 - explore) * ratio
            found.append(math.log(mixed) if mixed > 0 else -math.inf)
        return found

    def fit(self, history: Sequence[Outcome]) -> Model:
        """The model after all complete generations; trials count in the order of their numbers."""
        model = self.prior.model.copy() if self.prior is not None else self.decisions.initial_model()
        ordered = sorted(history, key=lambda outcome: outcome.number)
        size = self.options.population
        for start in range(0, len(ordered) - size + 1, size):
            self._learn(model, ordered[start : start + size])
        return model

    def _learn(self, model: Model, generation: Sequence[Outcome]) -> None:
        """Towards the best of a generation, pooled, and away from each failure."""
        best = self._select(generation)
        pooled: dict[str, list[float]] = {}
        for outcome in best:
            for handle, value in self.decisions.read(outcome.pipeline).items():
                pooled.setdefault(handle, []).append(value)
        model.update(pooled, self.options.learning_factor)
        if not self.defects.no_own_failures:
            for outcome in generation:
                if outcome.is_failure:
                    read = self.decisions.read(outcome.pipeline)
                    model.update(
                        {handle: [value] for handle, value in read.items()}, -self.options.failure_factor
                    )
        model.revive()

    def _select(self, generation: Sequence[Outcome]) -> list[Outcome]:
        """The best by front, the last front cut by crowding; failures only under the reference's defect."""
        ranked = [one for one in generation if one.is_success or self.defects.rank_failures]
        if not ranked:
            return []
        places = max(1, int(self.options.selection * len(generation)))
        costs = costs_of(ranked, self.objectives)
        chosen: list[Outcome] = []
        for front in fronts(costs):
            lonely = crowding(costs[front])
            order = sorted(range(len(front)), key=lambda at: (-lonely[at], ranked[front[at]].number))
            chosen += [ranked[front[at]] for at in order]
        return chosen[:places]

    def _explore(self) -> float:
        warm = self.prior is not None
        return 0.0 if warm and self.defects.no_exploration_when_warm else self.options.explore

    def _is_prior(self, history: Sequence[Outcome]) -> bool:
        return self.prior is not None and len(history) < self.options.population

    def _draw(self, model: Model, origin: str, rng: np.random.Generator) -> Pipeline:
        if origin == "uniform":
            [pipeline] = self.space.sample(rng, 1)
            return pipeline
        return self.decisions.draw(model, rng)

    def _probability(self, model: Model, origin: str, pipeline: Pipeline) -> float | None:
        return None if origin == "uniform" else self.decisions.choice_probability(model, pipeline)
