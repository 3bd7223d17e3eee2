"""The sampler "tpe": Optuna's tree-structured Parzen estimators, for those who want to compare.

Knows a history and Optuna, which is imported when the first such sampler is made; knows no store. A failure is
told as score 0 at the limit of time: told as FAIL it would leave Optuna's model, and nothing would push the
search out of the region that fails (measured: two thirds failures, hypervolume below random).
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.errors import SamplerError
from automl.samplers.base import Sampler, Setting, known_options
from automl.samplers.replay import wall_limit
from automl.samplers.uniform import first_fresh, fresh_uniform
from automl.space import Choice, Flag, Integer, Parameter, Real
from automl.values import Outcome, Pipeline, Proposal, Scalar, is_finite

#: Each try costs a draw of every decision from Optuna's model.
TRIES = 4
STARTUP = 10


class TpeSampler(Sampler):
    """A study is made anew from the history for each proposal: nothing but the history decides.

    Options: `startup`, how many trials are uniform first (10). SamplerError where Optuna is not installed.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        known_options("tpe", setting.options, ("startup",))
        startup = setting.options.get("startup", STARTUP)
        if isinstance(startup, bool) or not isinstance(startup, int) or startup < 1:
            raise SamplerError(f"startup must be a whole number from 1, got {startup!r}")
        self.startup, self.optuna = startup, _optuna()
        self._history: list[Outcome] = []
        self._told: list[Outcome] = []

    def learn(self, history: Sequence[Outcome]) -> None:
        """Keep it: a study is made of it for each proposal."""
        self._history = list(history)
        self._told = [item for item in history if item.says_something]

    def observe(self, outcome: Outcome) -> None:
        """Keep it with the others."""
        self._history.append(outcome)
        self._told += [outcome] if outcome.says_something else []

    def propose(self, number: int, taken: Set[str]) -> Proposal | None:
        """A draw from Optuna's model; a uniform one at first, or when its draws are all taken."""
        rng = self.generator(number)
        if len(self._told) >= self.startup:
            study = self._study(int(rng.integers(2**31)))
            found = first_fresh(lambda: self._draw(study.ask()), taken, TRIES)
            if found is not None:
                return Proposal(number, found, "model")
        uniform = fresh_uniform(self.space, rng, taken)
        return None if uniform is None else Proposal(number, uniform, "uniform")

    def _study(self, seed: int) -> Any:
        limit_s = wall_limit(self.setting.prior, self._history)
        directions = ["maximize" if one.direction == "max" else "minimize" for one in self.setting.objectives]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna warns of every experimental default that it chose itself
            sampler = self.optuna.samplers.TPESampler(n_startup_trials=self.startup, seed=seed)
            study = self.optuna.create_study(directions=directions, sampler=sampler)
            study.add_trials([self._trial(item, limit_s) for item in self._told])
        return study

    def _trial(self, outcome: Outcome, limit_s: float) -> Any:
        decisions = self._decisions(outcome.pipeline)
        return self.optuna.trial.create_trial(
            params={name: value for name, value, _ in decisions},
            distributions={name: self._distribution(item) for name, _, item in decisions},
            values=[self._value(outcome, one.name, limit_s) for one in self.setting.objectives],
        )

    def _value(self, outcome: Outcome, objective: str, limit_s: float) -> float:
        value = outcome.value(objective)
        if outcome.is_success and is_finite(value):
            return value
        if outcome.is_pruned and objective == "score" and is_finite(value):
            return value
        if objective in ("score", "seconds"):
            return 0.0 if objective == "score" else limit_s
        seen = [found for item in self._told if is_finite(found := item.value(objective))]
        return max(seen, default=1.0)

    def _decisions(self, pipeline: Pipeline) -> list[tuple[str, Scalar, Parameter]]:
        """What Optuna is told of a pipeline: names, values, domains, in the order in which they are drawn."""
        method = self.space.method(pipeline.method)
        found: list[tuple[str, Scalar, Parameter]] = [("method", method.name, self._methods())]
        if method.needs_language_model:
            models = Choice(self.space.models_of(method))
            found.append((self.space.model_decision(method), pipeline.language_model, models))
        values = pipeline.hyperparameters
        return found + [
            (f"{method.name}.{name}", values[name], item)
            for name, item in method.parameters.items()
            if method.applies(name, values)
        ]

    def _methods(self) -> Choice:
        return Choice(tuple(method.name for method in self.space.methods))

    def _distribution(self, parameter: Parameter) -> Any:
        kinds = self.optuna.distributions
        if isinstance(parameter, Real):
            return kinds.FloatDistribution(parameter.low, parameter.high, log=parameter.log)
        if isinstance(parameter, Integer):
            return kinds.IntDistribution(parameter.low, parameter.high, log=parameter.log)
        options = (False, True) if isinstance(parameter, Flag) else parameter.options
        return kinds.CategoricalDistribution(options)

    def _draw(self, trial: Any) -> Pipeline:
        method = self.space.method(_pick(trial, "method", self._methods()))
        model = None
        if method.needs_language_model:
            model = _pick(trial, self.space.model_decision(method), Choice(self.space.models_of(method)))
        values: dict[str, Scalar] = {}
        for name, item in method.parameters.items():
            if method.applies(name, values):
                values[name] = _pick(trial, f"{method.name}.{name}", item)
        return Pipeline(method.name, values, model, self.space.name)

    def log_weights(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) zeros: Optuna does not say how likely it draws what."""
        return np.zeros(len(pipelines))


def _pick(trial: Any, name: str, parameter: Parameter) -> Any:
    if isinstance(parameter, Real):
        return trial.suggest_float(name, parameter.low, parameter.high, log=parameter.log)
    if isinstance(parameter, Integer):
        return trial.suggest_int(name, parameter.low, parameter.high, log=parameter.log)
    options = (False, True) if isinstance(parameter, Flag) else parameter.options
    return trial.suggest_categorical(name, options)


def _optuna() -> Any:
    try:
        optuna = importlib.import_module("optuna")
    except ImportError as missing:
        raise SamplerError(
            "the sampler 'tpe' needs Optuna, which is not installed: pip install optuna, or choose another sampler"
        ) from missing
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
