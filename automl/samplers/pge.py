"""The sampler "pge": probabilistic grammatical evolution with non-dominated sorting, cold or warm.

Knows a model of independent distributions, one per decision, which starts uniform or from a prior and moves,
after every generation, towards its best trials and away from its failures. Knows neither the store nor how a
prior came about. After Estevez-Velarde et al. (AutoGOAL) and Estevanell-Valladares et al. (XAutoLM, EMNLP
2025); their defects are mended and can be switched on by name (`automl.priors.defects`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from automl.errors import SamplerError
from automl.priors import Decisions, Defects, Model
from automl.samplers.base import Sampler, Setting, known_options
from automl.samplers.ranking import best_of
from automl.samplers.uniform import first_fresh, fresh_uniform
from automl.values import Outcome, Pipeline, Proposal

#: Draws from the model before a uniform draw is tried instead, when all are taken.
MODEL_TRIES = 50
#: Defects that change what the numbers of a model mean: prior and sampler must agree on them.
SHAPES = frozenset({"natural_scale", "unnormalised_methods"})


@dataclass(frozen=True)
class PgeOptions:
    """The defaults learn within tens of trials.

    The published population of 15 to 20 would not update once in a budget of 12; with 4 there are three
    updates, from 2 trials each.
    """

    population: int = 4
    """Trials in a generation."""
    selection: float = 0.5
    """The share of a generation that is learnt from, at least one success."""
    learning_factor: float = 0.3
    """How far the model moves towards the best of a generation."""
    failure_factor: float = 0.1
    """How far it moves away from each failure."""
    explore: float = 0.1
    """The chance that a proposal is a uniform draw, also after a warm start: the way out of a wrong prior."""
    defects: Sequence[str] = ()
    """Names of the reference's defects to switch on."""

    def __post_init__(self) -> None:
        if not isinstance(self.population, int) or self.population < 1:
            raise SamplerError(f"population must be a whole number from 1, got {self.population!r}")
        for name in ("selection", "learning_factor", "failure_factor", "explore"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise SamplerError(f"{name} must lie in [0, 1], got {value!r}")
        if isinstance(self.defects, str) or not isinstance(self.defects, Sequence):
            raise SamplerError(f"defects must be a list of names, got {self.defects!r}")
        Defects.named(self.defects)

    @classmethod
    def read(cls, given: Mapping[str, object]) -> PgeOptions:
        """From JSON data; SamplerError naming what is unknown or out of range."""
        known_options("pge", given, [field.name for field in fields(cls)])
        return cls(**given)  # type: ignore[arg-type]  # __post_init__ checks the values

    @classmethod
    def reference(cls) -> PgeOptions:
        """The published settings with every defect on; `dataclasses.asdict` of it are options for an
        engine.
        """
        return cls(
            population=20,
            selection=0.2,
            learning_factor=0.05,
            failure_factor=0.0,
            defects=Defects.reference().names(),
        )


class PgeSampler(Sampler):
    """Draws from its model; learns from complete generations in trial order.

    A trial that says nothing (killed, cancelled, a fault of the surroundings) belongs to no generation.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = PgeOptions.read(setting.options)
        self.defects = Defects.named(self.options.defects)
        self.decisions = Decisions(setting.space, self.defects)
        self.model = self._start()
        self._learnt: list[Outcome] = []
        self._waiting: list[Outcome] = []
        leaves_none = self.defects.no_exploration_when_warm and setting.prior is not None
        self.explore = 0.0 if leaves_none else self.options.explore

    def _start(self) -> Model:
        prior = self.setting.prior
        if prior is None:
            return self.decisions.initial_model()
        if SHAPES & set(prior.defects) != SHAPES & set(self.options.defects):
            raise SamplerError(f"prior and sampler must agree on the defects {sorted(SHAPES)}")
        return prior.model.copy()

    def learn(self, history: Sequence[Outcome]) -> None:
        """Move the model by every complete generation; only by the new ones when the history merely grew."""
        ended = [item for item in history if item.says_something]
        complete = ended[: len(ended) - len(ended) % self.options.population]
        if complete[: len(self._learnt)] != self._learnt:
            self.model, self._learnt = self._start(), []
        for start in range(len(self._learnt), len(complete), self.options.population):
            self._advance(complete[start : start + self.options.population])
        self._learnt, self._waiting = complete, ended[len(complete) :]

    def observe(self, outcome: Outcome) -> None:
        """Move the model when it makes a generation complete."""
        if outcome.says_something:
            self._waiting.append(outcome)
        if len(self._waiting) == self.options.population:
            self._advance(self._waiting)
            self._learnt, self._waiting = self._learnt + self._waiting, []

    def _advance(self, generation: Sequence[Outcome]) -> None:
        """One update: away from each failure, then towards the pooled values of the best."""
        failed = [] if self.defects.no_own_failures else [item for item in generation if item.is_failure]
        for item in failed:
            self.model.update(self._recorded([item]), -self.options.failure_factor)
        count = max(1, int(self.options.selection * len(generation)))
        best = best_of(generation, count, self.setting.objectives, self.defects)
        self.model.update(self._recorded(best), self.options.learning_factor)
        self.model.revive()

    def _recorded(self, outcomes: Sequence[Outcome]) -> dict[str, list[float]]:
        pooled: dict[str, list[float]] = {}
        for item in outcomes:
            for handle, value in self.decisions.read(item.pipeline).items():
                pooled.setdefault(handle, []).append(value)
        return pooled

    def propose(self, number: int, taken: Set[str]) -> Proposal | None:
        """A draw from the model, or a uniform one with the exploration's chance; None when all is taken."""
        rng = self.generator(number)
        avoid: Set[str] = frozenset() if self.defects.repeat_pipelines else taken
        if rng.random() >= self.explore:
            drawn = first_fresh(lambda: self.decisions.draw(self.model, rng), avoid, MODEL_TRIES)
            if drawn is not None:
                chance = self.decisions.choice_probability(self.model, drawn)
                return Proposal(number, drawn, self._origin(), chance)
        uniform = fresh_uniform(self.space, rng, avoid)
        return None if uniform is None else Proposal(number, uniform, "uniform")

    def _origin(self) -> Literal["prior", "model"]:
        """Where the model's opinion comes from: the store alone, or this search's own trials as well."""
        prior = self.setting.prior
        return "prior" if prior is not None and prior.weights and not self._learnt else "model"

    def log_weights(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) ln of how many times as likely as under a uniform draw, exploration included."""
        own = np.array([self.decisions.log_ratio(self.model, pipeline) for pipeline in pipelines])
        with np.errstate(divide="ignore"):  # ln 0 is what no exploration means
            return np.asarray(np.log(self.explore + (1 - self.explore) * np.exp(np.minimum(own, 700.0))))
