"""What a run costs besides its score, as one number per candidate and per own run: the other half of a gain.

Knows cost objectives, forecasts of seconds and sizes; knows no score. Seconds are forecast by physics, energy as
seconds times the power that own runs drew, memory and trainable parameters from sizes, corrected by own runs.
Several costs are added with weights that are drawn anew for each number of own runs, so that a search finds the
ends of its front and not only its middle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from automl.estimators.features import Vector, memory_limit
from automl.samplers.base import Setting
from automl.samplers.process_base import Base
from automl.samplers.process_pool import Candidates
from automl.values import ENERGY, MEMORY, PARAMETERS, SCORE, SECONDS, Outcome, is_above_zero, is_finite

#: Where nothing says how much there may be, a quarter more than the most that has been seen.
ROOM = 1.25


class Costs:
    """The costs of one search; (n,) vectors are in units of `reference`, beyond which nothing counts."""

    def __init__(self, base: Base, setting: Setting) -> None:
        self.base, self.seed = base, setting.seed
        named: list[str] = [one.name for one in setting.objectives if one.name != SCORE.name]
        self.names = named or [SECONDS.name]
        self._off: dict[str, list[float]] = {name: [] for name in self.names}
        self._most: dict[str, float] = {}

    @property
    def plain(self) -> bool:
        """Whether seconds are the only cost: then they are themselves, and their limit the reference."""
        return self.names == [SECONDS.name]

    def reference(self, limit_s: float) -> float:
        """What the costs of `candidates` and `own` are measured by."""
        return limit_s if self.plain else 1.0

    def observe(self, own: Candidates, outcome: Outcome, log_seconds: Vector) -> None:
        """How far the estimates were off for one own success; `log_seconds` (1,) as forecast before it."""
        if self.plain or not outcome.is_success:
            return
        for name in self.names:
            value, expected = outcome.value(name), float(self._expected(name, own, log_seconds)[0])
            if is_above_zero(value):
                self._most[name] = max(value, self._most.get(name, 0.0))
                self._off[name].append(math.log(value / expected))

    def candidates(self, found: Candidates, log_seconds: Vector, limit_s: float, told: int) -> Vector:
        """(n,) what candidates are expected to cost, with the weights of so many own runs."""
        if self.plain:
            return np.exp(log_seconds)
        shares = [
            self._expected(name, found, log_seconds) * self._correction(name) / self._limit(name, limit_s)
            for name in self.names
        ]
        return np.asarray(self.weights(told) @ np.minimum(np.array(shares), 1.0), dtype=float)

    def own(self, done: Sequence[Outcome], limit_s: float, told: int) -> list[float]:
        """What own runs have cost; a value that is missing counts as all there is."""
        if self.plain:
            return [item.seconds if is_finite(item.seconds) else limit_s for item in done]
        weights = self.weights(told)
        limits = [self._limit(name, limit_s) for name in self.names]
        return [float(weights @ self._shares(item, limits)) for item in done]

    def _shares(self, outcome: Outcome, limits: Sequence[float]) -> Vector:
        found = [outcome.value(name) for name in self.names]
        shares = [
            value / most if is_finite(value) else 1.0 for value, most in zip(found, limits, strict=True)
        ]
        return np.asarray(np.minimum(np.array(shares), 1.0), dtype=float)

    def weights(self, told: int) -> Vector:
        """(costs,) that add up to 1."""
        rng = np.random.default_rng([self.seed, 2, told])
        return np.asarray(rng.dirichlet(np.ones(len(self.names))))

    def _expected(self, name: str, found: Candidates, log_seconds: Vector) -> Vector:
        if name == MEMORY.name:
            return np.asarray(np.exp(found.costed.memory[:, 1]), dtype=float)  # of what is allowed, or usual
        if name == PARAMETERS.name:
            describer = self.base.describer
            return np.array([describer.trainable(one) for one in found.pipelines], dtype=float)
        return np.exp(log_seconds)

    def _correction(self, name: str) -> float:
        """The middle of how far own runs lay from what was expected, as a factor; seconds need none."""
        off = self._off[name]
        return math.exp(float(np.median(off))) if off and name != SECONDS.name else 1.0

    def _limit(self, name: str, limit_s: float) -> float:
        """The reference of one cost, in its own unit (before any own run: in that of the estimate)."""
        if name == SECONDS.name:
            return limit_s
        if name == ENERGY.name:
            return limit_s * self._correction(name)
        if name == PARAMETERS.name:
            return max((one.parameters for one in self.base.describer.sizes.values()), default=1.0)
        allowed = memory_limit(self.base.memory.target)
        if self._off[name] and allowed is not None:
            return allowed
        return ROOM * self._most[name] if name in self._most else 1.0
