"""The sampler "pge": probabilistic grammatical evolution with non-dominated sorting, cold or warm.

Knows a model of independent distributions, one per decision, which starts uniform or from a prior and moves,
after every generation, towards its best trials and away from its failures. Knows neither the store nor how a
prior came about. After Estevez-Velarde et al. (AutoGOAL) and Estevanell-Valladares et al. (XAutoLM, EMNLP
2025), mended; the published behaviour is the options {"reference": true}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from automl.errors import SamplerError
from automl.priors import Decisions, Defects, Model
from automl.samplers.base import Sampler, Setup
from automl.samplers.ranking import best_of
from automl.samplers.uniform import first_fresh, fresh_uniform
from automl.values import Outcome, Pipeline, Proposal

#: Draws from the model before a uniform draw is tried instead, when all are taken.
MODEL_TRIES = 50


@dataclass(frozen=True)
class PgeOptions:
    """The defaults learn within tens of trials; chosen by tests/bench/bench_warm_start.py."""

    population: int = 4
    """Trials in a generation. The published 15 to 20 would not update once in a budget of 12."""
    selection: float = 0.5
    """The share of a generation that is learnt from: 2 of 4."""
    learning_rate: float = 0.2
    """How far the model moves towards the best of a generation."""
    failure_rate: float = 0.1
    """How far it moves away from each failure."""
    exploration: float = 0.1
    """The chance that a proposal is a uniform draw, also after a warm start."""
    defects: Defects = field(default_factory=Defects)

    def __post_init__(self) -> None:
        if not isinstance(self.population, int) or self.population < 1:
            raise SamplerError(f"population must be a whole number >= 1, got {self.population!r}")
        for name in ("selection", "learning_rate", "failure_rate", "exploration"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise SamplerError(f"{name} must lie in [0, 1], got {value!r}")

    @classmethod
    def reference(cls) -> PgeOptions:
        """The published settings with every defect on."""
        return cls(
            population=20,
            selection=0.2,
            learning_rate=0.05,
            failure_rate=0.0,
            exploration=0.1,
            defects=Defects.reference(),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> PgeOptions:
        """From JSON data: `defects` is a list of their names; {"reference": true} is `reference()`."""
        if data.get("reference") is True and len(data) == 1:
            return cls.reference()
        known = {item.name for item in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise SamplerError(f"pge has no option {unknown[0]!r}; it takes {sorted(known)}")
        values = dict(data)
        names = values.pop("defects", [])
        if not isinstance(names, Sequence) or isinstance(names, str):
            raise SamplerError(f"defects must be a list of names, got {names!r}")
        return cls(defects=Defects.named(names), **values)  # type: ignore[arg-type]  # checked above


class PgeSampler(Sampler):
    """Draws from its model; learns from complete generations in trial order, killed trials left out.

    log_probability is that of the mixture of model and exploration.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.options = PgeOptions.from_dict(setup.options)
        self.decisions = Decisions(setup.space, self.options.defects)
        self.model = self._start()
        self._learnt: list[Outcome] = []
        leaves_none = self.options.defects.no_exploration_when_warm and setup.prior is not None
        self.exploration = 0.0 if leaves_none else self.options.exploration

    def _start(self) -> Model:
        prior = self.setup.prior
        if prior is None:
            return self.decisions.initial_model()
        if prior.space != self.space:
            raise SamplerError(
                f"the prior was built for space {prior.space.name!r} with other decisions than"
                f" {self.space.name!r}; build it again for this space"
            )
        if self._models_differ(prior.defects):
            raise SamplerError("prior and sampler disagree on scale or draws; give both the same defects")
        return prior.model.copy()

    def _models_differ(self, names: Sequence[str]) -> bool:
        """Whether a prior with these defects has coordinates or kinds that this sampler's model has not."""
        shape = {"natural_scale", "unnormalised_methods"}
        return bool(shape & set(names) != shape & set(self.options.defects.names()))

    def learn(self, history: Sequence[Outcome]) -> None:
        """Move the model by every complete generation; only new ones when the history merely grew."""
        ended = [item for item in history if item.is_success or item.is_failure]
        complete = ended[: len(ended) - len(ended) % self.options.population]
        if complete[: len(self._learnt)] != self._learnt:
            self.model, self._learnt = self._start(), []
        for start in range(len(self._learnt), len(complete), self.options.population):
            self._advance(complete[start : start + self.options.population])
        self._learnt = complete

    def _advance(self, generation: Sequence[Outcome]) -> None:
        """One update: away from each failure, then towards the pooled values of the best."""
        options = self.options
        if not options.defects.no_own_failures:
            for failed in (item for item in generation if item.is_failure):
                recorded = self.decisions.read(failed.pipeline)
                self.model.update({h: [value] for h, value in recorded.items()}, -options.failure_rate)
        count = max(1, int(options.selection * len(generation)))
        best = best_of(generation, count, self.setup.objectives, options.defects)
        pooled: dict[str, list[float]] = {}
        for item in best:
            for handle, value in self.decisions.read(item.pipeline).items():
                pooled.setdefault(handle, []).append(value)
        self.model.update(pooled, options.learning_rate)

    def propose(self, number: int, taken: Set[str]) -> Proposal:
        """A draw from the model, or a uniform one with the exploration's chance; fresh where the space
        allows.
        """
        rng = self.generator(number)
        avoid: Set[str] = frozenset() if self.options.defects.repeat_pipelines else taken
        origin = "uniform" if rng.random() < self.exploration else "model"
        if origin == "model":
            pipeline = first_fresh(lambda: self.decisions.draw(self.model, rng), avoid, MODEL_TRIES)
            if pipeline.key() in avoid:
                origin = "uniform"
        if origin == "uniform":
            pipeline = fresh_uniform(self.space, rng, avoid)
        return Proposal(number, pipeline, origin, self._probability(pipeline))

    def _probability(self, pipeline: Pipeline) -> float:
        models = len(self.space.language_models) if pipeline.language_model is not None else 1
        uniform = 1 / len(self.space.methods) / models
        own = self.decisions.choice_probability(self.model, pipeline)
        return self.exploration * uniform + (1 - self.exploration) * own

    def log_probability(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) ln of how many times as likely as under a uniform draw, exploration included."""
        own = np.array([self.decisions.log_ratio(self.model, pipeline) for pipeline in pipelines])
        with np.errstate(divide="ignore"):  # ln 0 is what no exploration means
            return np.asarray(np.log(self.exploration + (1 - self.exploration) * np.exp(own)))
