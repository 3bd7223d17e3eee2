"""The probability model of a search: one small distribution per decision, and how evidence moves it.

Knows neither spaces nor pipelines: decisions are handles with coordinates (an index for shares and weights, 0
or 1 for a truth, a number for a Gaussian). Update rules after Estevanell-Valladares et al., XAutoLM (EMNLP
2025), and AutoGOAL, whose model this is; floors and ceilings are ours and are off where they are 0 and
infinity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, pstdev

#: What a replay leaves of a weight that reached zero, so that its option can come back.
LEAST_WEIGHT = 0.001


@dataclass
class Weights:
    """Unnormalised weights of k options."""

    w: list[float]

    def probabilities(self) -> list[float]:
        total = sum(self.w)
        return [value / total for value in self.w] if total > 0 else [1 / len(self.w)] * len(self.w)

    def update(self, values: Sequence[float], alpha: float) -> None:
        """Add alpha to the weight of each value's option; weights stay >= 0."""
        for value in values:
            self.w[int(value)] = max(0.0, self.w[int(value)] + alpha)

    def revive(self) -> None:
        """Give options whose weight is exactly zero a little of it back."""
        self.w = [value or LEAST_WEIGHT for value in self.w]


@dataclass
class Shares:
    """Probabilities of k options; `floor` is the least share of any, as a part of the uniform one."""

    p: list[float]
    floor: float = 0.0

    def probabilities(self) -> list[float]:
        return self.p

    def update(self, values: Sequence[float], alpha: float) -> None:
        """Add alpha to each value's option and normalise; a negative alpha moves mass to the other
        options.
        """
        if alpha >= 0:
            for value in values:
                self.p[int(value)] += alpha
        else:
            self._push_down({int(value) for value in values}, [int(value) for value in values], -alpha)
        self._normalise()
        if self.floor:
            self.p = [max(value, self.floor / len(self.p)) for value in self.p]
            self._normalise()

    def _normalise(self) -> None:
        total = sum(self.p)
        self.p = [value / total for value in self.p]

    def _push_down(self, hit: set[int], values: Sequence[int], amount: float) -> None:
        others = [index for index in range(len(self.p)) if index not in hit]
        if not others:  # nowhere to put the mass: a single option stays what it is
            return
        moved = 0.0
        for index in values:
            taken = min(amount, self.p[index])
            self.p[index] -= taken
            moved += taken
        for index in others:
            self.p[index] += moved / len(others)


@dataclass
class Truth:
    """The probability that a flag is true; `floor` is the least of either answer, as a part of a half."""

    q: float = 0.5
    floor: float = 0.0

    def probabilities(self) -> list[float]:
        return [1 - self.q, self.q]

    def update(self, values: Sequence[float], alpha: float) -> None:
        """Move towards the mean of the values, or away from it when alpha is negative."""
        self.q += alpha * (fmean(values) - self.q)
        least = self.floor / 2
        self.q = min(max(self.q, least), 1 - least)


@dataclass
class Gaussian:
    """A normal distribution over [low, high], in the decision's own coordinate.

    Drawn by truncation, or by clamping (as the reference does, which piles mass onto both ends). `floor` and
    `ceiling` bound the deviation.
    """

    mean: float
    deviation: float
    low: float = 0.0
    high: float = 1.0
    floor: float = 0.0
    ceiling: float = math.inf
    clamped: bool = False

    def update(self, values: Sequence[float], alpha: float) -> None:
        """Move mean and deviation towards those of the values, or away and wider when alpha is negative."""
        if alpha >= 0:
            self.mean += alpha * (fmean(values) - self.mean)
            self.deviation += alpha * (pstdev(values) - self.deviation)
        else:
            self.mean -= alpha * (self.mean - fmean(values))
            self.deviation *= 1 - alpha
        self.deviation = min(max(self.deviation, self.floor, 0.0), self.ceiling)
        if not self.clamped:
            self.mean = min(max(self.mean, self.low), self.high)

    def draw(self, uniform: float) -> float:
        """The coordinate in [low, high] of a uniform number in (0, 1)."""
        normal = self._normal()
        if self.clamped:
            drawn = normal.inv_cdf(min(max(uniform, 1e-12), 1 - 1e-12))
        else:
            start, end = normal.cdf(self.low), normal.cdf(self.high)
            drawn = normal.inv_cdf(min(max(start + uniform * (end - start), 1e-12), 1 - 1e-12))
        return min(max(drawn, self.low), self.high)

    def mass(self, low: float, high: float) -> float:
        """The probability of drawing a coordinate in [low, high]."""
        normal = self._normal()
        if self.clamped:
            below = 0.0 if low <= self.low else normal.cdf(low)
            return (1.0 if high >= self.high else normal.cdf(high)) - below
        whole = normal.cdf(self.high) - normal.cdf(self.low)
        return (normal.cdf(high) - normal.cdf(low)) / whole if whole > 0 else 0.0

    def _normal(self) -> NormalDist:
        return NormalDist(self.mean, max(self.deviation, 1e-9))


Distribution = Weights | Shares | Truth | Gaussian
_KINDS: Mapping[str, type[Distribution]] = {
    kind.__name__.lower(): kind for kind in (Weights, Shares, Truth, Gaussian)
}


class Model:
    """Handles and their distributions; handles without an update stay as they are."""

    def __init__(self, distributions: Mapping[str, Distribution]) -> None:
        self.distributions = dict(distributions)

    def __getitem__(self, handle: str) -> Distribution:
        return self.distributions[handle]

    def update(self, recorded: Mapping[str, Sequence[float]], alpha: float) -> None:
        """Move every recorded handle by its coordinates with learning rate alpha; unknown handles are
        ignored.
        """
        for handle, values in recorded.items():
            if values and handle in self.distributions:
                self.distributions[handle].update(values, alpha)

    def revive(self) -> None:
        """Undo zeros of unnormalised weights."""
        for distribution in self.distributions.values():
            if isinstance(distribution, Weights):
                distribution.revive()

    def to_dict(self) -> dict[str, dict[str, object]]:
        """As JSON data; an infinite ceiling is left out."""
        return {handle: _as_data(distribution) for handle, distribution in self.distributions.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Mapping[str, object]]) -> Model:
        """The inverse of `to_dict`; KeyError or TypeError for data of another shape."""
        return cls({handle: _from_data(item) for handle, item in data.items()})

    def copy(self) -> Model:
        """An independent copy."""
        return Model.from_dict(self.to_dict())


def _as_data(distribution: Distribution) -> dict[str, object]:
    values = {
        name: list(value) if isinstance(value, list) else value
        for name, value in vars(distribution).items()
        if value != math.inf
    }
    return {"kind": type(distribution).__name__.lower(), **values}


def _from_data(data: Mapping[str, object]) -> Distribution:
    values = {name: list(v) if isinstance(v, list) else v for name, v in data.items() if name != "kind"}
    return _KINDS[str(data["kind"])](**values)  # type: ignore[arg-type]  # the keys are the kind's own fields
