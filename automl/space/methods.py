"""`Method`: a way to train, its hyper-parameters, and which of them apply only where another has some value.

Knows no space and no language model by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from automl.errors import SpaceError
from automl.space.fractions import check_fractions
from automl.space.parameters import (
    Choice,
    Integer,
    Parameter,
    checked_keys,
    parameter_from_dict,
)
from automl.values import TRAIN_FRACTION, Scalar


@dataclass(frozen=True)
class Condition:
    """Of a hyper-parameter that applies only where another one of its method has one of these values."""

    parameter: str
    values: tuple[Scalar, ...]

    def allows(self, value: Scalar) -> bool:
        """Whether the other one's value is among them."""
        return Choice(self.values).index(value) is not None

    def words(self) -> str:
        """What it says, for people."""
        return f"applies only where {self.parameter} is one of {list(self.values)!r}"


@dataclass(frozen=True)
class Method:
    """A way to train: its hyper-parameters by name, and whether it starts from a language model.

    `family` names the part of the space's language models that it takes, "" for all. A method called
    "<method>-<family>" also speaks for runs that are recorded as "<method>" with a model of that family. SpaceError
    for a condition on what is not there, or on what stands behind, and for a `train_fraction` that is no share.
    """

    name: str
    parameters: Mapping[str, Parameter]
    needs_language_model: bool = True
    family: str = ""
    conditions: Mapping[str, Condition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        before: list[str] = []
        for name in self.parameters:
            if name in self.conditions:
                self._check(name, self.conditions[name], before)
            before.append(name)
        if TRAIN_FRACTION in self.parameters:
            check_fractions(self.parameters[TRAIN_FRACTION], f"{self.name}.{TRAIN_FRACTION}")
        if foreign := sorted(set(self.conditions) - set(self.parameters)):
            raise SpaceError(
                f"{self.name}.{foreign[0]} has a condition and is no parameter; there are {before}",
                foreign[0],
            )

    def _check(self, name: str, condition: Condition, before: Sequence[str]) -> None:
        place, above = f"{self.name}.{name}", condition.parameter
        if above not in self.parameters:
            raise SpaceError(
                f"{place} applies only where {above!r} has some value, and {self.name} has no such parameter;"
                f" name one of {list(before)} or leave the condition out",
                f"{place}.when",
            )
        if above not in before:
            raise SpaceError(
                f"{place} depends on {above!r}, which must stand before it; move it up", f"{place}.when"
            )
        Choice(condition.values)
        for value in condition.values:
            if reason := self.parameters[above].reason(value):
                raise SpaceError(
                    f"{place} waits for {above} to be {value!r}, which it never is: it {reason}",
                    f"{place}.when",
                )

    @property
    def recorded_as(self) -> str:
        """The name of the method in records, whatever the family."""
        return self.name.removesuffix(f"-{self.family}") if self.family else self.name

    def applies(self, name: str, values: Mapping[str, Scalar]) -> bool:
        """Whether a hyper-parameter is decided on, given the values of those before it."""
        condition = self.conditions.get(name)
        if condition is None:
            return True
        above = condition.parameter
        return above in values and self.applies(above, values) and condition.allows(values[above])

    def kept(self, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """Only what applies."""
        return {name: value for name, value in values.items() if self.applies(name, values)}

    @property
    def cells(self) -> float:
        """How many settings there are."""
        roots = [name for name in self.parameters if name not in self.conditions]
        return math.prod(self._cells(name) for name in roots)

    def _cells(self, name: str) -> float:
        """Of a parameter together with those that hang on it."""
        parameter = self.parameters[name]
        below = [(key, one) for key, one in self.conditions.items() if one.parameter == name]
        if not below or math.isinf(parameter.cells):
            return parameter.cells
        counts = [
            math.prod(self._cells(key) for key, one in below if one.allows(value))
            for value in _values(parameter)
        ]
        return float(sum(counts))

    def to_dict(self) -> dict[str, object]:
        """As JSON data; what says nothing is left out."""
        parameters = {name: parameter.to_dict() for name, parameter in self.parameters.items()}
        for name, condition in self.conditions.items():
            parameters[name]["when"] = {condition.parameter: list(condition.values)}
        data: dict[str, object] = {"name": self.name, "needs_language_model": self.needs_language_model}
        return data | ({"family": self.family} if self.family else {}) | {"parameters": parameters}


def _values(parameter: Parameter) -> list[Scalar]:
    if isinstance(parameter, Integer):
        return list(range(parameter.low, parameter.high + 1))
    return list(parameter.options) if isinstance(parameter, Choice) else [False, True]


def narrowed_method(method: Method, narrowed: Mapping[str, Parameter]) -> Method:
    """The method with some parameters narrowed, by "<method>.<parameter>"; what can never apply any more is dropped.

    SpaceError where one would become wider.
    """
    own: dict[str, Parameter] = {}
    conditions: dict[str, Condition] = {}
    for name, old in method.parameters.items():
        parameter = narrowed.get(f"{method.name}.{name}", old)
        _check_narrower(f"{method.name}.{name}", old, parameter)
        condition = method.conditions.get(name)
        if condition is not None:
            above = own.get(condition.parameter)
            left = tuple(value for value in condition.values if above and above.reason(value) is None)
            if not left:
                continue
            conditions[name] = Condition(condition.parameter, left)
        own[name] = parameter
    return replace(method, parameters=own, conditions=conditions)


def _check_narrower(place: str, old: Parameter, new: Parameter) -> None:
    values = new.options if isinstance(new, Choice) else (new.from_unit(0.0), new.from_unit(1.0))
    if reasons := [reason for value in values if (reason := old.reason(value))]:
        raise SpaceError(f"{place} can only become narrower: {reasons[0]}", place)


def method_from_dict(data: object, place: str) -> Method:
    """A method from its JSON data; SpaceError naming the place (dotted) of anything that is wrong."""
    if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
        raise SpaceError(f"{place} must be an object with a name, got {data!r}", place)
    checked_keys(data, ("name", "needs_language_model", "family", "parameters"), place, place)
    parameters = data.get("parameters", {})
    if not isinstance(parameters, Mapping):
        raise SpaceError(f"{place}.parameters must be an object, got {parameters!r}", f"{place}.parameters")
    family, hungry = data.get("family", ""), data.get("needs_language_model", True)
    if not isinstance(family, str):
        raise SpaceError(f"{place}.family must be a name, got {family!r}", f"{place}.family")
    if not isinstance(hungry, bool):
        own = f"{place}.needs_language_model"
        raise SpaceError(f"{own} must be true or false, got {hungry!r}", own)
    built: dict[str, Parameter] = {}
    conditions: dict[str, Condition] = {}
    for name, item in parameters.items():
        own = f"{place}.parameters.{name}"
        built[str(name)] = parameter_from_dict(item, own)
        if "when" in item:
            conditions[str(name)] = condition_from_dict(item["when"], f"{own}.when")
    try:
        return Method(data["name"], built, hungry, family, conditions)
    except SpaceError as wrong_condition:
        raise SpaceError(f"{place}: {wrong_condition.message}", place) from None


def condition_from_dict(data: object, place: str) -> Condition:
    """A condition {parameter: value or list of values}; SpaceError for anything else."""
    if not isinstance(data, Mapping) or len(data) != 1:
        raise SpaceError(f"{place} must name one parameter with its values, got {data!r}", place)
    [(parameter, values)] = data.items()
    listed = isinstance(values, Sequence) and not isinstance(values, str)
    try:
        options = Choice(tuple(values) if listed else (values,)).options
    except (SpaceError, TypeError) as wrong:
        raise SpaceError(f"{place}.{parameter}: {wrong}", f"{place}.{parameter}") from None
    return Condition(str(parameter), options)
