"""`Space`: methods, the language models they share, and each method's own hyper-parameters.

Knows no sampler: it says what a pipeline may be, draws uniformly and translates.

    pipelines  list of n `Pipeline`
    units      (n, d) array in [0, 1], one column per decision (`Space.columns`), NaN where it does not apply
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from automl.errors import SpaceError
from automl.space.parameters import Choice, Parameter, parameter_from_dict, uniform_shares
from automl.values import Pipeline

Units = NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """A way to train: its hyper-parameters by name, and whether it starts from a language model."""

    name: str
    parameters: Mapping[str, Parameter]
    needs_language_model: bool = True


@dataclass(frozen=True)
class Space:
    """All pipelines there are. Conditional: method -> language model -> the hyper-parameters of the method.

    Raises SpaceError when it has no method, a name twice, or a method in need of a language model without
    any.
    """

    name: str
    methods: tuple[Method, ...]
    language_models: tuple[str, ...] = ()
    _by_name: Mapping[str, Method] = field(init=False, repr=False, compare=False)
    _columns: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "methods", tuple(self.methods))
        object.__setattr__(self, "language_models", tuple(self.language_models))
        self._check()
        object.__setattr__(self, "_by_name", {method.name: method for method in self.methods})
        own = [f"{method.name}.{name}" for method in self.methods for name in method.parameters]
        object.__setattr__(self, "_columns", ("method", "language_model", *own))

    def _check(self) -> None:
        names = [method.name for method in self.methods]
        if not names:
            raise SpaceError(f"space {self.name!r} has no method; give at least one", "methods")
        if len(set(names)) < len(names):
            raise SpaceError(f"the methods of space {self.name!r} must differ, got {names!r}", "methods")
        if len(set(self.language_models)) < len(self.language_models):
            raise SpaceError(
                f"the language models must differ, got {list(self.language_models)!r}", "language_models"
            )
        hungry = [method.name for method in self.methods if method.needs_language_model]
        if hungry and not self.language_models:
            raise SpaceError(
                f"methods {hungry!r} need a language model and none is given; name one or leave them out",
                "language_models",
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The decisions: "method", "language_model", then "<method>.<parameter>"."""
        return self._columns

    @property
    def size(self) -> float:
        """How many different pipelines there are; infinite with a real among the parameters."""
        total = 0.0
        for method in self.methods:
            models = len(self.language_models) if method.needs_language_model else 1
            total += models * math.prod(parameter.cells for parameter in method.parameters.values())
        return total

    def method(self, name: str) -> Method:
        """A method by name; SpaceError naming those that there are."""
        if name not in self._by_name:
            raise SpaceError(f"method must be one of {list(self._by_name)!r}, got {name!r}", "method")
        return self._by_name[name]

    def has_method(self, name: str) -> bool:
        """Whether the space has this method."""
        return name in self._by_name

    def contains(self, pipeline: Pipeline) -> bool:
        """Whether the pipeline belongs to the space; `reasons` says why not."""
        return not self.reasons(pipeline)

    def reasons(self, pipeline: Pipeline) -> list[str]:
        """Everything that keeps a pipeline out of the space, [] when it is inside."""
        if not self.has_method(pipeline.method):
            return [f"method must be one of {list(self._by_name)!r}, got {pipeline.method!r}"]
        method = self._by_name[pipeline.method]
        found = self._language_model_reasons(method, pipeline.language_model)
        for name, parameter in method.parameters.items():
            if name not in pipeline.hyperparameters:
                found.append(f"{method.name}.{name} is missing")
            elif reason := parameter.reason(pipeline.hyperparameters[name]):
                found.append(f"{method.name}.{name} {reason}")
        foreign = sorted(set(pipeline.hyperparameters) - set(method.parameters))
        return found + [f"{method.name} has no parameter {name!r}" for name in foreign]

    def _language_model_reasons(self, method: Method, key: str | None) -> list[str]:
        if not method.needs_language_model:
            return [] if key is None else [f"{method.name} takes no language model, got {key!r}"]
        if key in self.language_models:
            return []
        return [f"language model must be one of {list(self.language_models)!r}, got {key!r}"]

    def sample(self, rng: np.random.Generator, n: int) -> list[Pipeline]:
        """n uniform draws: method, then language model, then each hyper-parameter on its own scale."""
        return self.decode(self.sample_units(rng, n))

    def sample_units(self, rng: np.random.Generator, n: int) -> Units:
        """The same as `units`: (n, d), NaN where a decision does not apply."""
        units = rng.random((n, len(self.columns)))
        units[~self._active(units[:, 0])] = np.nan
        return units

    def _active(self, method_units: Units) -> NDArray[np.bool_]:
        """(n, d): which decisions apply, given the column of methods."""
        chosen = np.minimum((method_units * len(self.methods)).astype(int), len(self.methods) - 1)
        table = np.zeros((len(self.methods), len(self.columns)), dtype=bool)
        for row, method in enumerate(self.methods):
            table[row, 0], table[row, 1] = True, method.needs_language_model
            table[row, [self.columns.index(f"{method.name}.{name}") for name in method.parameters]] = True
        return np.asarray(table[chosen], dtype=np.bool_)

    def encode(self, pipelines: Sequence[Pipeline]) -> Units:
        """(n, d) units of n pipelines; SpaceError with every reason for one that does not belong."""
        units = np.full((len(pipelines), len(self.columns)), np.nan)
        positions = {column: position for position, column in enumerate(self.columns)}
        for row, pipeline in enumerate(pipelines):
            if reasons := self.reasons(pipeline):
                raise SpaceError(f"pipeline {row} is outside of {self.name!r}: {'; '.join(reasons)}")
            method = self._by_name[pipeline.method]
            units[row, 0] = self._methods_choice.to_unit(pipeline.method)
            if pipeline.language_model is not None:
                units[row, 1] = self._language_models_choice.to_unit(pipeline.language_model)
            for name, value in pipeline.hyperparameters.items():
                units[row, positions[f"{method.name}.{name}"]] = method.parameters[name].to_unit(value)
        return units

    def decode(self, units: Units) -> list[Pipeline]:
        """Pipelines of (n, d) units in [0, 1]; columns that do not apply to the chosen method are ignored."""
        if units.ndim != 2 or units.shape[1] != len(self.columns):
            raise SpaceError(f"units must have shape (n, {len(self.columns)}), got {units.shape}")
        needed = units[self._active(units[:, 0])]
        if not bool(np.all((needed >= 0) & (needed <= 1))):
            raise SpaceError("units must lie in [0, 1] wherever their decision applies")
        return [self._decode_row(row) for row in units.tolist()]

    def _decode_row(self, row: list[float]) -> Pipeline:
        method = self._by_name[str(self._methods_choice.from_unit(row[0]))]
        language_model = None
        if method.needs_language_model:
            language_model = str(self._language_models_choice.from_unit(row[1]))
        start = (
            self.columns.index(f"{method.name}.{next(iter(method.parameters))}") if method.parameters else 0
        )
        values = {
            name: parameter.from_unit(row[start + offset])
            for offset, (name, parameter) in enumerate(method.parameters.items())
        }
        return Pipeline(method.name, values, language_model, self.name)

    @property
    def _methods_choice(self) -> Choice:
        return Choice(tuple(self._by_name))

    @property
    def _language_models_choice(self) -> Choice:
        return Choice(self.language_models)

    def restrict(
        self,
        *,
        methods: Sequence[str] | None = None,
        language_models: Sequence[str] | None = None,
        parameters: Mapping[str, Parameter] | None = None,
    ) -> Space:
        """A smaller space: only these methods and language models, `parameters` narrowed by column name.

        SpaceError for a name that the space does not have, or an empty rest.
        """
        kept = self.methods if methods is None else tuple(self.method(name) for name in methods)
        models = self.language_models if language_models is None else tuple(language_models)
        if foreign := sorted(set(models) - set(self.language_models)):
            raise SpaceError(
                f"language models {foreign!r} are not among {list(self.language_models)!r}", "language_models"
            )
        narrowed = dict(parameters or {})
        if unknown := sorted(set(narrowed) - set(self.columns[2:])):
            raise SpaceError(
                f"{unknown!r} are not among the parameters {list(self.columns[2:])!r}", unknown[0]
            )
        return Space(self.name, tuple(_narrow(method, narrowed) for method in kept), models)

    def distributions(self) -> dict[str, dict[str, float]]:
        """The uniform shares of every decision by label, in the shape of `Prior.distributions`."""
        found = {"method": _even(list(self._by_name))}
        if self.language_models:
            found["language_model"] = _even(list(self.language_models))
        for method in self.methods:
            for name, parameter in method.parameters.items():
                found[f"{method.name}.{name}"] = uniform_shares(parameter)
        return found

    def to_dict(self) -> dict[str, object]:
        """The space as JSON data; `from_dict` is the inverse."""
        methods = [
            {
                "name": method.name,
                "needs_language_model": method.needs_language_model,
                "parameters": {name: parameter.to_dict() for name, parameter in method.parameters.items()},
            }
            for method in self.methods
        ]
        return {"name": self.name, "language_models": list(self.language_models), "methods": methods}

    @classmethod
    def from_dict(cls, data: object) -> Space:
        """A space from its JSON data; SpaceError naming the place (dotted) of anything that is wrong."""
        if not isinstance(data, Mapping):
            raise SpaceError(f"a space must be an object, got {data!r}")
        methods = data.get("methods")
        if not isinstance(methods, Sequence) or isinstance(methods, str):
            raise SpaceError(f"methods must be a list, got {methods!r}", "methods")
        models = data.get("language_models", [])
        if not (isinstance(models, Sequence) and all(isinstance(key, str) for key in models)):
            raise SpaceError(f"language_models must be a list of names, got {models!r}", "language_models")
        built = tuple(_method_from_dict(item, f"methods.{place}") for place, item in enumerate(methods))
        return cls(str(data.get("name", "")), built, tuple(models))


def _even(labels: Sequence[str]) -> dict[str, float]:
    return {label: 1 / len(labels) for label in labels}


def _narrow(method: Method, narrowed: Mapping[str, Parameter]) -> Method:
    own = {name: narrowed.get(f"{method.name}.{name}", old) for name, old in method.parameters.items()}
    for name, parameter in own.items():
        ends = [parameter.from_unit(0.0), parameter.from_unit(1.0)]
        if reasons := [reason for end in ends if (reason := method.parameters[name].reason(end))]:
            raise SpaceError(f"{method.name}.{name} can only become narrower: {reasons[0]}", name)
    return replace(method, parameters=own)


def _method_from_dict(data: object, place: str) -> Method:
    if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
        raise SpaceError(f"{place} must be an object with a name, got {data!r}", place)
    parameters = data.get("parameters", {})
    if not isinstance(parameters, Mapping):
        raise SpaceError(f"{place}.parameters must be an object, got {parameters!r}", f"{place}.parameters")
    built = {
        str(name): parameter_from_dict(item, f"{place}.parameters.{name}")
        for name, item in parameters.items()
    }
    return Method(data["name"], built, bool(data.get("needs_language_model", True)))
