"""The sampler "nsga2": an evolution that keeps its non-dominated, most lonely pipelines.

Knows outcomes and unit coordinates; knows no store. Deb et al., NSGA-II (2002): tournaments by front and
crowding, uniform crossover of parents of one method, mutation of single decisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from automl.errors import SamplerError
from automl.fronts import costs_of, crowding, fronts
from automl.samplers.base import Sampler, Setting, known_options
from automl.samplers.uniform import first_fresh, fresh_uniform
from automl.values import Outcome, Pipeline, Proposal

TRIES = 60
#: How far a mutated number goes, in unit coordinates; half of the mutations draw anew instead.
STEP = 0.15


@dataclass(frozen=True)
class NsgaOptions:
    """As usual, with a population that fits a budget of some tens of trials."""

    population: int = 20
    """Trials in a generation, and how many survive it."""
    crossover: float = 0.9
    """The chance that a child has two parents."""
    mutations: float = 1.0
    """How many of a child's decisions are mutated, on average."""

    def __post_init__(self) -> None:
        if isinstance(self.population, bool) or not isinstance(self.population, int) or self.population < 2:
            raise SamplerError(f"population must be a whole number from 2, got {self.population!r}")
        for name, most in (("crossover", 1.0), ("mutations", 20.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                raise SamplerError(f"{name} must lie in [0, {most:g}], got {value!r}")

    @classmethod
    def read(cls, given: Mapping[str, object]) -> NsgaOptions:
        """From JSON data; SamplerError naming what is unknown or out of range."""
        known_options("nsga2", given, [field.name for field in fields(cls)])
        return cls(**given)  # type: ignore[arg-type]  # __post_init__ checks the values


class Nsga2Sampler(Sampler):
    """The first generation is uniform; a failure is the worst there is."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = NsgaOptions.read(setting.options)
        self._learnt: list[Outcome] = []
        self._waiting: list[Outcome] = []
        self._survivors: list[Outcome] = []
        self._parents: list[Pipeline] = []

    def learn(self, history: Sequence[Outcome]) -> None:
        """The survivors of all complete generations, best first; of the new ones when the history merely grew."""
        said = [item for item in history if item.says_something]
        if said[: len(self._learnt)] != self._learnt:
            self._learnt, self._survivors, self._parents = [], [], []
        self._waiting = []
        for outcome in said[len(self._learnt) :]:
            self.observe(outcome)

    def observe(self, outcome: Outcome) -> None:
        """Choose who survives when it makes a generation complete."""
        if outcome.says_something:
            self._waiting.append(outcome)
        if len(self._waiting) == self.options.population:
            self._survivors = self._best(self._survivors + self._waiting)
            self._parents = [item.pipeline for item in self._survivors]
            self._learnt, self._waiting = self._learnt + self._waiting, []

    def _best(self, pool: list[Outcome]) -> list[Outcome]:
        costs, kept = costs_of(pool, self.setting.objectives), list[int]()
        for layer in fronts(np.where(np.isfinite(costs), costs, 1e300)):
            lonely = crowding(np.minimum(costs[layer], 1e300))
            kept += [layer[place] for place in np.argsort(-lonely, kind="stable")]
        return [pool[row] for row in kept[: self.options.population]]

    def propose(self, number: int, taken: Set[str]) -> Proposal | None:
        """A child of the survivors; a uniform draw in the first generation, or when all children are taken."""
        rng = self.generator(number)
        if self._parents:
            child = first_fresh(lambda: self._child(rng), taken, TRIES)
            if child is not None:
                return Proposal(number, child, "model")
        uniform = fresh_uniform(self.space, rng, taken)
        return None if uniform is None else Proposal(number, uniform, "uniform")

    def _child(self, rng: np.random.Generator) -> Pipeline:
        first = self._tournament(rng)
        units = self.space.encode([first])[0]
        mates = [item for item in self._parents if item.method == first.method and item is not first]
        if mates and rng.random() < self.options.crossover:
            other = self.space.encode([mates[int(rng.integers(len(mates)))]])[0]
            units = np.where(rng.random(len(units)) < 0.5, units, other)
        own = np.flatnonzero(~np.isnan(units))
        for column in own[rng.random(len(own)) < self.options.mutations / len(own)]:
            near = float(np.clip(units[column] + rng.normal(0, STEP), 0, 1))
            units[column] = rng.random() if column < 2 or rng.random() < 0.5 else near
        units[np.isnan(units)] = rng.random(int(np.isnan(units).sum()))
        return self.space.decode(units[None, :])[0]

    def _tournament(self, rng: np.random.Generator) -> Pipeline:
        """The better of two: survivors stand in order."""
        return self._parents[int(rng.integers(len(self._parents), size=2).min())]

    def log_weights(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) by method and language model alone: their share among the survivors, one uniform draw added,
        over the uniform one.
        """
        if not self._parents:
            return np.zeros(len(pipelines))
        return np.array([self._likes(item) for item in pipelines], dtype=float)

    def _likes(self, pipeline: Pipeline) -> float:
        method = self.space.method(pipeline.method)
        models = max(len(self.space.models_of(method)), 1)
        uniform = 1 / (len(self.space.methods) * models)
        same = sum(
            (item.method, item.language_model) == (pipeline.method, pipeline.language_model)
            for item in self._parents
        )
        return float(np.log((same + uniform) / (len(self._parents) + 1) / uniform))
