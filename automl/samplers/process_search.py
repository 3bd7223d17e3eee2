"""One search of the sampler "process": what its own runs have taught, and what each candidate would gain.

Knows the base, the candidates and a history; draws no random numbers but those of its candidates, which follow
from the seed and the number of runs.
"""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.estimators.censored import expected_within
from automl.estimators.features import Vector
from automl.estimators.opinions import OwnRuns
from automl.estimators.physics import Forecast
from automl.estimators.scores import logit, score_of
from automl.samplers.base import Setting
from automl.samplers.local import best_in_turn, volume_gains
from automl.samplers.process_base import Base
from automl.samplers.process_costs import Costs
from automl.samplers.process_options import ProcessOptions
from automl.samplers.process_pool import Candidates, near_pool, placed
from automl.values import SCORE, Outcome, Pipeline, is_above_zero, is_finite

#: Deviations from the mean at which a score is looked at, and their weights. The tails matter: with five equal
#: parts a checkpoint that nobody has tried never seems worth a trial once the front is good.
QUANTILES = np.linspace(-3.0, 3.0, 13)
WEIGHTS = np.exp(-0.5 * QUANTILES**2) / np.exp(-0.5 * QUANTILES**2).sum()
RENEWED, OWN_BEST = 5, 10
#: One success moves the ln odds of the store at most so far, and they stay within these bounds.
STEP, LEAST_ODDS, MOST_ODDS = 2.0, -4.0, 3.0
#: Beyond this the seconds are so unsure that refusing by them would cost good pipelines.
UNSURE, MILD = 0.35, 0.6
#: When fewer candidates than this would be left, the likeliest seventh to live is.
FEWEST = 5
#: How hard a search pays for seconds while it does not believe the store's scores and how much harder when it
#: does, how hard a fast one pays, and the share of the limit below which it does not care.
#: 0.75 has the hypervolume of 0 with three quarters of the seconds. More costs what has yet to find its way: 1.0 took
#: 8 % of a cold search's hypervolume at 10, and twice as much of `KNOWING` 4 % of one whose store is turned round.
COST_EXPONENT, KNOWING, FAST_EXPONENT, CHEAP = 0.75, 0.125, 3.0, 0.02


@dataclass(frozen=True)
class Beliefs:
    """What is thought of every candidate now; (n,) each."""

    forecast: Forecast
    gain: Vector
    """Expected gain, chances of dying and costs included."""
    cold_gain: Vector
    mean: Vector
    deviation: Vector
    """Of the logit of the score, both heads together."""
    lives: NDArray[np.bool_]
    """Which are not refused."""
    price: Vector
    """What gains were divided by, for their cost."""


class Search:
    """State after a history; `advance` adds the next outcome."""

    def __init__(self, base: Base, pool: Candidates, setting: Setting, options: ProcessOptions) -> None:
        self.base, self.setting, self.options = base, setting, options
        self.pool, self.candidates = pool, pool
        self.costs = Costs(base, setting)
        self.physics = base.physics.fork()
        self.cold = OwnRuns(base.cold, pool.cold)
        self.warm = None if base.warm is None or pool.warm is None else OwnRuns(base.warm, pool.warm)
        trust = min(max(base.trust, 1e-3), 1 - 1e-3)
        self.odds = math.log(trust / (1 - trust))
        self.told: list[Outcome] = []

    @property
    def weight(self) -> float:
        """The chance that the store is right about scores, in [0, 1]."""
        return 0.0 if self.warm is None else 1 / (1 + math.exp(-self.odds))

    def advance(self, outcome: Outcome) -> None:
        """The next outcome, in trial order."""
        own = placed(self.base, [outcome.pipeline])
        self.costs.observe(own, outcome, self.forecast(own).log_seconds)
        self.physics.observe(own.costed, outcome)
        if outcome.is_success and outcome.score is not None:
            self._score(own, float(logit(np.array([outcome.score]))[0]))
        elif outcome.is_pruned:
            self._pruned(own, outcome)
        self.told.append(outcome)
        if len(self.told) % RENEWED == 0 and self.options.near_best:
            self._renew()

    def _score(self, own: Candidates, log_odds: float) -> None:
        cold = self.cold.add(own.cold, log_odds)
        if self.warm is None or own.warm is None:
            return
        gained = self.warm.add(own.warm, log_odds) - cold
        self.odds = min(max(self.odds + min(max(gained, -STEP), STEP), LEAST_ODDS), MOST_ODDS)

    def _pruned(self, own: Candidates, outcome: Outcome) -> None:
        """A score of at least what was reached and at most the ceiling: each head takes what it expects between.

        It says nothing of which head is right: both were asked where the bounds lie.
        """
        bounds = np.array([outcome.score or 0.0, 1.0 if outcome.ceiling is None else outcome.ceiling])
        low, high = (float(value) for value in logit(bounds))
        for runs, place in ((self.cold, own.cold), (self.warm, own.warm)):
            if runs is not None and place is not None:
                mean, deviation = (float(each[0]) for each in runs.opinion(place))
                runs.add(place, expected_within(mean, deviation, low, high))

    def _renew(self) -> None:
        rng = np.random.default_rng([self.setting.seed, 1, len(self.told)])
        near = near_pool(self.base, self._own_best(), rng, self.options.near_best)
        fresh = placed(self.base, near)
        self.candidates = self.pool.beside(fresh)
        self.cold.exchange(len(self.pool), fresh.cold)
        if self.warm is not None and fresh.warm is not None:
            self.warm.exchange(len(self.pool), fresh.warm)

    def _own_best(self) -> list[Pipeline]:
        done = [item for item in self.told if item.is_success and is_finite(item.seconds)]
        longest = self.limit_s()
        rows = best_in_turn(
            [item.score or 0.0 for item in done],
            self.costs.own(done, longest, len(self.told)),
            limit_s=self.costs.reference(longest),
            count=OWN_BEST,
            objectives=self.setting.objectives,
        )
        return [done[row].pipeline for row in rows]

    def limit_s(self) -> float:
        """The seconds that a run may take: as the target says, else a little more than has been seen."""
        wall = self.base.memory.target.limits.wall_s
        if is_above_zero(wall):
            return wall
        spent = [item.seconds for item in self.told if is_above_zero(item.seconds)]
        return 1.2 * max(spent) if spent else 3600.0

    def beliefs(self, pending: Set[str] = frozenset(), others: Candidates | None = None) -> Beliefs:
        """What is thought of every candidate (or of others) while the pending ones are on their way."""
        chosen = self.candidates if others is None else others
        opinions = [self.cold.opinion(None if others is None else others.cold)]
        if self.warm is not None:
            opinions.append(self.warm.opinion(None if others is None else others.warm))
        shares = np.array([1 - self.weight, self.weight])[: len(opinions)]
        forecast = self.forecast(chosen)
        front = self._front(pending)
        spent = self.costs.candidates(chosen, forecast.log_seconds, self.limit_s(), len(self.told))
        gains = np.array([self._gain(each, forecast, front, spent) for each in opinions])
        means, spreads = (np.array([each[row] for each in opinions]) for row in (0, 1))
        mean = shares @ means
        spread = np.sqrt(shares @ (spreads**2 + (means - mean) ** 2))
        lives, price = forecast.failing < self._refused_from(), self._price(forecast)
        return Beliefs(forecast, shares @ gains, gains[0], mean, spread, lives, price)

    def forecast(self, candidates: Candidates) -> Forecast:
        """What candidates will cost, and how they may die under the target's limits."""
        wall = self.base.memory.target.limits.wall_s
        return self.physics.forecast(candidates.costed, wall if is_above_zero(wall) else math.inf)

    def _front(self, pending: Set[str]) -> tuple[Vector, Vector]:
        """Scores and costs of the own successes, and of what is pending as it is expected to end."""
        done = [item for item in self.told if item.is_success]
        longest = self.limit_s()
        scores = [item.score or 0.0 for item in done]
        spent = self.costs.own(done, longest, len(self.told))
        rows = [row for row, key in enumerate(self.candidates.keys) if key in pending]
        if rows:
            opinion = (self.warm if self.warm is not None and self.weight >= 0.5 else self.cold).opinion()[0]
            scores += score_of(opinion[rows]).tolist()
            logs = self.forecast(self.candidates).log_seconds
            spent += self.costs.candidates(self.candidates, logs, longest, len(self.told))[rows].tolist()
        return np.array(scores, dtype=float), np.array(spent, dtype=float)

    def _gain(
        self, opinion: tuple[Vector, Vector], forecast: Forecast, front: tuple[Vector, Vector], spent: Vector
    ) -> Vector:
        scores = score_of(opinion[0][None, :] + QUANTILES[:, None] * opinion[1][None, :])
        reference = self.costs.reference(self.limit_s())
        gains = self._plain_gain(scores, spent, front, reference) * (1 - forecast.failing)
        return np.asarray(gains / self._price(forecast))

    def _price(self, forecast: Forecast) -> Vector:
        """(n,) what the gain of each candidate is divided by."""
        names = {objective.name for objective in self.setting.objectives}
        exponent = COST_EXPONENT + KNOWING * self.weight if names != {SCORE.name} else 0.0
        exponent = FAST_EXPONENT if self.options.fast else exponent
        share = np.minimum(np.exp(forecast.log_seconds) / self.limit_s(), 1.0)
        return np.asarray((CHEAP + share) ** exponent)

    def _plain_gain(
        self, scores: np.ndarray, spent: Vector, front: tuple[Vector, Vector], reference: float
    ) -> Vector:
        names = {objective.name for objective in self.setting.objectives}
        if names == {SCORE.name}:
            return np.asarray(WEIGHTS @ np.maximum(scores - max(front[0], default=0.0), 0.0))
        if SCORE.name not in names:
            return np.asarray(np.maximum(min(front[1], default=reference) - spent, 0.0) / reference)
        rows = _undominated(*front)
        gains = volume_gains(scores, spent, front[0][rows], front[1][rows], reference)
        return np.asarray(WEIGHTS @ gains / reference)

    def _refused_from(self) -> float:
        """The chance of dying from which candidates are refused; at least a few stay."""
        forecast = self.forecast(self.candidates)
        unsure = float(np.median(forecast.deviation)) > UNSURE
        limit = max(self.options.refuse, MILD if unsure else 0.0)
        if (forecast.failing < limit).sum() < FEWEST:
            limit = float(np.nextafter(np.quantile(forecast.failing, 0.15), 2.0))
        return limit


def _undominated(scores: Vector, seconds: Vector) -> list[int]:
    best, kept = 0.0, []
    for row in np.lexsort((-scores, seconds)):
        if scores[row] > best:
            best = float(scores[row])
            kept.append(int(row))
    return kept
