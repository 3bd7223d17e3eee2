"""What the gate expects of one pipeline: score, seconds and failure, each with how sure it is.

Knows the estimators of the sampler "process", whichever sampler proposed the pipeline (`pooled` asks others); draws
no random numbers but those of a few candidates that set the scene, which follow from the seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from automl.estimators.scores import logit, score_of
from automl.samplers.base import Setting
from automl.samplers.process_base import base_of
from automl.samplers.process_options import ProcessOptions
from automl.samplers.process_pool import placed
from automl.samplers.process_search import Search
from automl.values import Outcome, Pipeline

#: 80 % of a normal distribution lie within so many deviations.
EIGHTY = 1.2816
#: The fewest candidates that the estimators take; the gate asks about proposals alone.
SCENE = 20
ESTIMATOR = "process"


@dataclass(frozen=True)
class Prediction:
    """Of one pipeline. Scores in [0, 1], higher is better; intervals hold 80 % of what is expected."""

    score: tuple[float, float, float]
    """Low, middle, high."""
    seconds: tuple[float, float, float]
    timeout: float
    memory: float
    error: float
    own_runs: int
    """Runs of this search that it rests on, beside the store."""
    store_weight: float
    """The chance that the store is right about scores here."""
    logit_mean: float
    logit_deviation: float
    estimator: str = ESTIMATOR

    @property
    def failing(self) -> float:
        """The chance of dying at all."""
        return 1 - (1 - self.timeout) * (1 - self.memory) * (1 - self.error)

    def reaches(self, score: float) -> float:
        """The chance of a score of at least so much, if it lives."""
        if score <= 0:
            return 1.0
        far = (float(logit(np.array([min(score, 1.0)]))[0]) - self.logit_mean) / self.logit_deviation
        return 0.5 * math.erfc(far / math.sqrt(2))

    def to_dict(self) -> dict[str, object]:
        """As JSON data of bounded size."""
        return {
            "estimator": self.estimator,
            "score": list(self.score),
            "seconds": list(self.seconds),
            "failing": {
                "timeout": round(self.timeout, 3),
                "memory": round(self.memory, 3),
                "error": round(self.error, 3),
            },
            "own_runs": self.own_runs,
            "store_weight": round(self.store_weight, 3),
        }


class Foresight(Protocol):
    """Whoever the gate asks; what is answered follows from the history that was taken last."""

    def learn(self, history: Sequence[Outcome]) -> None:
        """Take the complete history, in trial order."""

    def observe(self, outcome: Outcome) -> None:
        """Take one more outcome, which follows all that is known in trial order."""

    def predict(self, pipeline: Pipeline) -> Prediction:
        """What is expected of a pipeline now."""


class Predictor:
    """The estimators after a history; rebuilt when that did not merely grow."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.base = base_of(setting.space, setting.prior)
        rng = np.random.default_rng([setting.seed, 2])
        self.scene = placed(self.base, setting.space.sample(rng, SCENE))
        self.search = self._start()

    def _start(self) -> Search:
        return Search(self.base, self.scene, self.setting, ProcessOptions(pool=SCENE, near_best=0))

    def learn(self, history: Sequence[Outcome]) -> None:
        """Take the complete history, in trial order."""
        said = [item for item in history if item.says_something]
        known = self.search.told
        if said[: len(known)] != known:
            self.search = self._start()
        for outcome in said[len(self.search.told) :]:
            self.search.advance(outcome)

    def observe(self, outcome: Outcome) -> None:
        """Advance the estimators by it."""
        if outcome.says_something:
            self.search.advance(outcome)

    def predict(self, pipeline: Pipeline) -> Prediction:
        """What is expected of a pipeline now."""
        beliefs = self.search.beliefs(others=placed(self.base, [pipeline]))
        forecast = beliefs.forecast
        mean, deviation = float(beliefs.mean[0]), max(float(beliefs.deviation[0]), 1e-6)
        score, seconds = intervals(
            mean, deviation, float(forecast.log_seconds[0]), float(forecast.deviation[0])
        )
        return Prediction(
            score=score,
            seconds=seconds,
            timeout=float(forecast.timeout[0]),
            memory=float(forecast.memory[0]),
            error=float(forecast.error[0]),
            own_runs=len(self.search.told),
            store_weight=self.search.weight,
            logit_mean=mean,
            logit_deviation=deviation,
        )


def intervals(
    logit_mean: float, logit_deviation: float, log_seconds: float, seconds_deviation: float
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Low, middle and high of score and seconds; 80 % of what is expected lies between low and high."""
    spread = np.array([-EIGHTY, 0.0, EIGHTY])
    logs = np.minimum(log_seconds + seconds_deviation * spread, 50.0)
    return _three(score_of(logit_mean + logit_deviation * spread)), _three(np.exp(logs))


def _three(values: np.ndarray) -> tuple[float, float, float]:
    low, middle, high = (float(f"{value:.4g}") for value in values.tolist())
    return low, middle, high
