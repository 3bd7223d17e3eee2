"""What the gate expects of one pipeline when an estimator of the pool is asked instead of "process".

Knows an estimator that was fitted before the search, and own runs by how far off it was: they move the level of
scores, seconds and chances of failing, never what the estimator thinks of one pipeline beside another. Start at
`predictor_of`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from automl.errors import EstimatorError
from automl.estimators.base import KINDS, Estimator, Predictions
from automl.estimators.features import Vector
from automl.estimators.pool import fit
from automl.estimators.scores import Scale, logit
from automl.gate.prediction import ESTIMATOR, Foresight, Prediction, Predictor, intervals
from automl.priors import Prior
from automl.samplers.base import Setting
from automl.samplers.process_base import base_of
from automl.values import Outcome, Pipeline, is_above_zero, is_finite

#: How much the level of seconds (ln) and of the odds of failing (ln) may differ from the store's.
SECONDS_SPREAD, ODDS_SPREAD = 0.5, 1.0
#: Newton steps to the likeliest level of the odds; it is one number, and smooth.
STEPS = 6
MAX_KEPT = 8

_kept: OrderedDict[tuple[str, str], Estimator | None] = OrderedDict()
_lock = Lock()


def predictor_of(setting: Setting, name: str, fitted: Estimator | None = None) -> Foresight:
    """Who is asked: the fitted estimator, else one of this name fitted to the prior's runs, else `Predictor`.

    "process" learns from every own run and is asked too where the prior has no run that says something, or where its
    runs do not foretell one another's scores: then no estimator of them can be believed.
    """
    prior = setting.prior
    if fitted is None and name != ESTIMATOR and prior is not None and base_of(setting.space, prior).trust:
        fitted = _fitted(prior, name)
    return Predictor(setting) if fitted is None else PoolPredictor(setting, fitted)


def _fitted(prior: Prior, name: str) -> Estimator | None:
    """Fitted once per prior and name; None where its runs say nothing."""
    with _lock:
        if (prior.digest, name) in _kept:
            return _kept[prior.digest, name]
    memory = prior.memory
    try:
        found = fit(name, memory.runs, memory.facts) if memory is not None else None
    except EstimatorError:
        found = None
    with _lock:
        _kept[prior.digest, name] = found
        while len(_kept) > MAX_KEPT:
            _kept.popitem(last=False)
    return found


class PoolPredictor:
    """An estimator that does not change, with levels learnt from the own runs."""

    def __init__(self, setting: Setting, estimator: Estimator) -> None:
        self.estimator = estimator
        base = base_of(setting.space, setting.prior)
        self.target, self.scale = base.memory.target, base.cold.scale
        self._said: dict[str, Predictions] = {}
        self.learn([])

    def learn(self, history: Sequence[Outcome]) -> None:
        """Take the complete history, in trial order."""
        said = [item for item in history if item.says_something]
        self.own_runs = len(said)
        found = [self._ask(item.pipeline) for item in said]
        self.level, self.level_spread = self._level(said, found)
        self.late = _offset(*_seconds_off(said, found), SECONDS_SPREAD)[0]
        failed = np.array([item.is_failure for item in said], dtype=float)
        chances = np.array([float(one.failure[0]) for one in found], dtype=float)
        self.worse = _odds_off(failed, chances)

    def observe(self, outcome: Outcome) -> None:
        """Ask what had been expected of it; the levels are set by all of them together."""
        if outcome.says_something:
            self._ask(outcome.pipeline)

    def _ask(self, pipeline: Pipeline) -> Predictions:
        key = pipeline.key()
        if key not in self._said:
            self._said[key] = self.estimator.predict([pipeline], [self.target])
        return self._said[key]

    def _level(self, said: Sequence[Outcome], found: Sequence[Predictions]) -> tuple[float, float]:
        """The target's middle in logits with its deviation: what is usual in the store, moved by own scores."""
        scale: Scale = self.scale
        pairs = [
            (float(logit(np.array([item.score]))[0]), one)
            for item, one in zip(said, found, strict=True)
            if item.is_success and is_finite(item.score)
        ]
        off = [seen - scale.middle - scale.width * float(one.score[0]) for seen, one in pairs]
        noise = [scale.width * float(one.score_deviation[0]) for _, one in pairs]
        moved, spread = _offset(np.array(off), np.array(noise), scale.middle_spread)
        return scale.middle + moved, spread

    def predict(self, pipeline: Pipeline) -> Prediction:
        """What is expected of a pipeline now."""
        said = self._ask(pipeline)
        mean = self.level + self.scale.width * float(said.score[0])
        deviation = math.hypot(self.scale.width * float(said.score_deviation[0]), self.level_spread)
        score, seconds = intervals(
            mean, deviation, float(said.log_seconds[0]) + self.late, float(said.seconds_deviation[0])
        )
        kinds = dict(zip(KINDS, self._chances(said).tolist(), strict=True))
        return Prediction(
            score=score,
            seconds=seconds,
            timeout=kinds["timeout"],
            memory=kinds["oom"],
            error=1 - (1 - kinds["diverged"]) * (1 - kinds["error"]),
            own_runs=self.own_runs,
            store_weight=1.0,
            logit_mean=mean,
            logit_deviation=max(deviation, 1e-6),
            estimator=self.estimator.name,
        )

    def _chances(self, said: Predictions) -> NDArray[np.float64]:
        """(KINDS,) with the odds of each moved as the own runs say."""
        odds = _log_odds(said.kinds[0]) + self.worse
        return np.asarray(1 / (1 + np.exp(-odds)), dtype=float)


def _log_odds(chances: Vector) -> Vector:
    kept = np.clip(chances, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(kept / (1 - kept)), dtype=float)


def _seconds_off(said: Sequence[Outcome], found: Sequence[Predictions]) -> tuple[Vector, Vector]:
    """How far off ln seconds were of own successes, and how unsure each was."""
    pairs = [
        (math.log(item.seconds) - float(one.log_seconds[0]), float(one.seconds_deviation[0]))
        for item, one in zip(said, found, strict=True)
        if item.is_success and is_above_zero(item.seconds)
    ]
    values = np.array(pairs, dtype=float).reshape(-1, 2)
    return values[:, 0], values[:, 1]


def _offset(off: Vector, noise: Vector, spread: float) -> tuple[float, float]:
    """Mean and deviation of a level that is about 0 by so much, after it was seen with noise."""
    weights = 1 / np.maximum(noise, 1e-3) ** 2
    precision = float(weights.sum()) + spread**-2
    return float(weights @ off) / precision, precision**-0.5


def _odds_off(failed: Vector, chances: Vector) -> float:
    """The likeliest shift of the ln odds of failing, about 0 by ODDS_SPREAD before any own run."""
    odds, shift = _log_odds(chances), 0.0
    for _ in range(STEPS):
        now = 1 / (1 + np.exp(-(odds + shift)))
        slope = float((failed - now).sum()) - shift / ODDS_SPREAD**2
        shift += slope / (float((now * (1 - now)).sum()) + ODDS_SPREAD**-2)
    return shift
