"""Between pipelines of a space and the handles of a model.

Knows which decisions a pipeline takes and in which coordinate each is modelled; knows no evidence and no
search. Handles are the space's columns: "method", "language_model" (one distribution that all methods share, or
"language_model.<family>" for those of one family) and "<method>.<parameter>" (each method its own).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from automl.priors.defects import Defects
from automl.priors.model import Distribution, Gaussian, Model, Shares, Truth, Weights
from automl.space import Choice, Flag, Integer, Parameter, Real, Space
from automl.values import Pipeline, Scalar

#: Least deviation, as a share of the range: about one sixth of it stays within reach of the mean.
DEVIATION_FLOOR = 0.08
#: Least share of an option, as a part of its uniform share, so that no option is ever lost.
SHARE_FLOOR = 0.1
#: Half the width, in unit coordinates, of the cell over which a real's density is averaged.
HALF_CELL = 0.02


class Decisions:
    """Reads pipelines into coordinates, draws pipelines from a model, and weighs them against uniform
    draws.
    """

    def __init__(self, space: Space, defects: Defects | None = None) -> None:
        self.space = space
        self.defects = defects or Defects()
        self._methods = Choice(tuple(method.name for method in space.methods))
        self._models = {handle: Choice(models) for handle, models in space.model_decisions().items()}
        self._parameters: dict[str, Parameter] = {
            f"{method.name}.{name}": parameter
            for method in space.methods
            for name, parameter in method.parameters.items()
        }

    def initial_model(self) -> Model:
        """The model before anything is known: uniform, up to the slight slope of a wide normal."""
        count = len(self._methods.options)
        methods: Distribution = self._even(count)
        if self.defects.unnormalised_methods:
            methods = Weights([1.0] * count)
        found: dict[str, Distribution] = {"method": methods}
        found |= {handle: self._even(len(models.options)) for handle, models in self._models.items()}
        return Model({**found, **{handle: self._fresh(item) for handle, item in self._parameters.items()}})

    def _even(self, count: int) -> Shares:
        return Shares([1 / count] * count, 0.0 if self.defects.collapsing_deviation else SHARE_FLOOR)

    def _fresh(self, parameter: Parameter) -> Distribution:
        if isinstance(parameter, Choice):
            return self._even(len(parameter.options))
        bounded = not self.defects.collapsing_deviation
        if isinstance(parameter, Flag):
            return Truth(floor=SHARE_FLOOR if bounded else 0.0)
        low, high = self._ends(parameter)
        width = high - low
        return Gaussian(
            mean=(low + high) / 2,
            deviation=width,
            low=low,
            high=self._place(parameter, 1.0),
            floor=DEVIATION_FLOOR * width if bounded else 0.0,
            ceiling=width if bounded else math.inf,
            clamped=self.defects.clamped_draws,
        )

    def _ends(self, parameter: Real | Integer) -> tuple[float, float]:
        return (parameter.low, parameter.high) if self.defects.natural_scale else (0.0, 1.0)

    def read(self, pipeline: Pipeline) -> dict[str, float]:
        """The coordinates of every decision that the space knows; a missing or foreign value is left out."""
        pipeline = self.space.adopt(pipeline)
        found: dict[str, float] = {}
        handles = list(self._models)
        if self.space.has_method(pipeline.method):
            method, values = self.space.method(pipeline.method), pipeline.hyperparameters
            found["method"] = float(self._methods.options.index(method.name))
            for name, parameter in method.parameters.items():
                known = name in values and parameter.reason(values[name]) is None
                if known and method.applies(name, values):
                    found[f"{method.name}.{name}"] = self._coordinate(parameter, values[name])
            if method.needs_language_model:
                handles = [self.space.model_decision(method)]
        for handle in handles:
            if (place := self._models[handle].index(pipeline.language_model)) is not None:
                found[handle] = float(place)
        return found

    def fill(self, model: Model, pipeline: Pipeline, rng: np.random.Generator) -> dict[str, float]:
        """`read`, with what is missing drawn from the model: the defect `draw_missing_values`."""
        known = self.read(pipeline)
        drawn = self.read(self.draw(model, rng, known))
        return {**drawn, **known}

    def _coordinate(self, parameter: Parameter, value: Scalar) -> float:
        if isinstance(parameter, Choice):
            return float(parameter.index(value) or 0)
        if isinstance(parameter, Flag):
            return float(bool(value))
        if self.defects.natural_scale:
            return float(value)  # type: ignore[arg-type]  # `read` has checked it
        return parameter.to_unit(value)

    def draw(
        self, model: Model, rng: np.random.Generator, known: Mapping[str, float] | None = None
    ) -> Pipeline:
        """A pipeline of the space drawn from the model, decisions in `known` taken as they are."""
        given = known or {}
        method = self.space.methods[int(given.get("method", _pick(model["method"], rng)))]
        language_model = None
        if method.needs_language_model:
            handle = self.space.model_decision(method)
            place = int(given.get(handle, _pick(model[handle], rng)))
            language_model = str(self._models[handle].options[place])
        values: dict[str, Scalar] = {}
        for name, parameter in method.parameters.items():
            handle = f"{method.name}.{name}"
            coordinate = given.get(handle, _pick(model[handle], rng))
            values[name] = self._value(parameter, coordinate)
        return Pipeline(method.name, method.kept(values), language_model, self.space.name)

    def _value(self, parameter: Parameter, coordinate: float) -> Scalar:
        if isinstance(parameter, Choice):
            return parameter.options[int(coordinate)]
        if isinstance(parameter, Flag):
            return bool(coordinate)
        if not self.defects.natural_scale:
            return parameter.from_unit(coordinate)
        if isinstance(parameter, Integer):
            return min(max(int(coordinate), parameter.low), parameter.high)
        return min(max(coordinate, parameter.low), parameter.high)

    def log_ratio(self, model: Model, pipeline: Pipeline) -> float:
        """ln of how many times as likely the model draws this pipeline as a uniform draw does; 0 when alike.

        A ratio, not a probability: methods with many parameters would else lose to those with few. Decisions
        that the space does not know count as alike.
        """
        total = 0.0
        for handle, coordinate in self.read(pipeline).items():
            ratio = self._ratio(handle, model[handle], coordinate)
            total += math.log(ratio) if ratio > 0 else -math.inf
        return total

    def _ratio(self, handle: str, distribution: Distribution, coordinate: float) -> float:
        if not isinstance(distribution, Gaussian):
            shares = distribution.probabilities()
            return shares[int(coordinate)] * len(shares)
        parameter = self._parameters[handle]
        low, high = self._cell(parameter, coordinate)
        return distribution.mass(self._place(parameter, low), self._place(parameter, high)) / (high - low)

    def _cell(self, parameter: Parameter, coordinate: float) -> tuple[float, float]:
        """The cell of a coordinate, in unit coordinates."""
        if isinstance(parameter, Integer):
            value = int(coordinate) if self.defects.natural_scale else parameter.from_unit(coordinate)
            return parameter.edges(value)
        unit = parameter.to_unit(coordinate) if self.defects.natural_scale else coordinate
        return max(unit - HALF_CELL, 0.0), min(unit + HALF_CELL, 1.0)

    def _place(self, parameter: Parameter, unit: float) -> float:
        """A unit coordinate in the coordinate of the model."""
        if not self.defects.natural_scale:
            return unit
        if isinstance(parameter, Integer):  # truncation: v owns [v, v + 1)
            return parameter.high + 1.0 if unit >= 1 else float(parameter.from_unit(unit))
        return float(parameter.from_unit(unit))  # type: ignore[arg-type]  # only reals get here

    def choice_probability(self, model: Model, pipeline: Pipeline) -> float:
        """The probability in [0, 1] of the pipeline's method and language model under the model."""
        found = self.read(pipeline)
        chance = 1.0
        for handle in ("method", *self._models):
            distribution = model.distributions.get(handle)
            if handle in found and distribution is not None and not isinstance(distribution, Gaussian):
                chance *= distribution.probabilities()[int(found[handle])]
        return chance

    def shares(self, model: Model) -> dict[str, dict[str, float]]:
        """The share of every labelled part of every decision, in the shape of `Space.distributions`."""
        found = {"method": _named(self._methods.labels(), model["method"])}
        for handle, models in self._models.items():
            found[handle] = _named(models.labels(), model[handle])
        for handle, parameter in self._parameters.items():
            distribution = model[handle]
            if isinstance(distribution, Gaussian):
                ends = [self._place(parameter, unit) for unit in parameter.bounds()]
                masses = [distribution.mass(low, high) for low, high in pairwise(ends)]
                found[handle] = dict(zip(parameter.labels(), masses, strict=True))
            else:
                found[handle] = _named(parameter.labels(), distribution)
        return found


def _named(labels: list[str], distribution: Distribution) -> dict[str, float]:
    if isinstance(distribution, Gaussian):
        raise TypeError("a normal distribution has no options")
    return dict(zip(labels, distribution.probabilities(), strict=True))


def _pick(distribution: Distribution, rng: np.random.Generator) -> float:
    """A coordinate drawn with one uniform number, whatever the kind, so that draws stay aligned."""
    uniform = float(rng.random())
    if isinstance(distribution, Gaussian):
        return distribution.draw(uniform)
    if isinstance(distribution, Truth):
        return float(uniform < distribution.q)
    total = 0.0
    shares = distribution.probabilities()
    for index, share in enumerate(shares):
        total += share
        if uniform < total:
            return float(index)
    return float(max(range(len(shares)), key=lambda index: shares[index]))
