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
from automl.space.fractions import fractions_parameter
from automl.space.methods import Method, method_from_dict, narrowed_method
from automl.space.parameters import Choice, Parameter, checked_keys, uniform_shares
from automl.values import TRAIN_FRACTION, Pipeline

Units = NDArray[np.float64]
#: The decision for a language model; methods that take a family of them alone decide within it.
LANGUAGE_MODEL = "language_model"


@dataclass(frozen=True)
class Space:
    """All pipelines there are. Conditional: method -> language model -> the hyper-parameters of the method.

    `families` name parts of the language models, for methods that take only those; all models are in one then, and
    `language_models` need not be said. Raises SpaceError when it has no method, a name twice, a method of a family
    that is not there, or one in need of a language model without any.
    """

    name: str
    methods: tuple[Method, ...]
    language_models: tuple[str, ...] = ()
    families: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _by_name: Mapping[str, Method] = field(init=False, repr=False, compare=False)
    _columns: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _places: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        families = {name: tuple(models) for name, models in self.families.items()}
        models = [*self.language_models, *(key for family in families.values() for key in family)]
        object.__setattr__(self, "methods", tuple(self.methods))
        object.__setattr__(self, "families", families)
        object.__setattr__(self, "language_models", tuple(dict.fromkeys(models) if families else models))
        self._check()
        object.__setattr__(self, "_by_name", {method.name: method for method in self.methods})
        own = [f"{method.name}.{name}" for method in self.methods for name in method.parameters]
        object.__setattr__(self, "_columns", ("method", LANGUAGE_MODEL, *own))
        object.__setattr__(self, "_places", {column: at for at, column in enumerate(self._columns)})

    def _check(self) -> None:
        names = [method.name for method in self.methods]
        if not names:
            raise SpaceError(f"space {self.name!r} has no method; give at least one", "methods")
        if len(set(names)) < len(names):
            raise SpaceError(f"the methods of space {self.name!r} must differ, got {names!r}", "methods")
        _check_different(self.language_models, "language_models")
        for family, models in self.families.items():
            _check_different(models, f"language_models.{family}")
        for method in self.methods:
            self._check_models(method)

    def _check_models(self, method: Method) -> None:
        if not method.needs_language_model:
            return
        if method.family and method.family not in self.families:
            raise SpaceError(
                f"method {method.name!r} takes the language models of {method.family!r}, which is none of the"
                f" families {sorted(self.families)}; name one of them or give the family its models",
                "language_models",
            )
        if not self.models_of(method):
            raise SpaceError(
                f"methods {[method.name]!r} need a language model and none is given"
                f"{f' in {method.family!r}' if method.family else ''}; name one or leave them out",
                "language_models",
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The decisions: "method", "language_model", then "<method>.<parameter>"."""
        return self._columns

    @property
    def size(self) -> float:
        """How many different pipelines there are; infinite with a real among the parameters."""
        return sum(max(len(self.models_of(method)), 1) * method.cells for method in self.methods)

    def models_of(self, method: Method) -> tuple[str, ...]:
        """The language models that a method may take, () where it takes none."""
        if not method.needs_language_model:
            return ()
        return self.families[method.family] if method.family else self.language_models

    def model_decision(self, method: Method) -> str:
        """The decision by which a method gets its language model: methods of one family share it."""
        return f"{LANGUAGE_MODEL}.{method.family}" if method.family else LANGUAGE_MODEL

    def model_decisions(self) -> dict[str, tuple[str, ...]]:
        """Each decision for a language model -> what there is to choose from."""
        hungry = [method for method in self.methods if method.needs_language_model]
        found = {self.model_decision(method): self.models_of(method) for method in hungry}
        # With nobody to take them the models are a decision still: stored runs tell about them.
        return found or ({LANGUAGE_MODEL: self.language_models} if self.language_models else {})

    def adopt(self, pipeline: Pipeline) -> Pipeline:
        """A pipeline whose method is here one "<method>-<family>" for each family, by its language model."""
        if self.has_method(pipeline.method):
            return pipeline
        for method in self.methods:
            if method.recorded_as == pipeline.method and pipeline.language_model in self.models_of(method):
                return replace(pipeline, method=method.name)
        return pipeline

    def with_fractions(self, fractions: Sequence[float]) -> Space:
        """The same, every method also deciding on which of these fractions of the training rows it takes.

        SpaceError for what is no list of different numbers above 0 and at most 1, or where a method decides on it.
        """
        parameter = fractions_parameter(fractions, "train_fractions")
        if has := [method.name for method in self.methods if TRAIN_FRACTION in method.parameters]:
            raise SpaceError(
                f"train_fractions: {has[0]}.{TRAIN_FRACTION} is there already; give one or the other",
                "train_fractions",
            )
        own = {TRAIN_FRACTION: parameter}
        methods = (replace(method, parameters={**method.parameters, **own}) for method in self.methods)
        return Space(self.name, tuple(methods), () if self.families else self.language_models, self.families)

    def completed(self, pipeline: Pipeline) -> Pipeline:
        """A pipeline that says nothing of a fraction where its method asks for one: it took all rows."""
        method, values = self._by_name.get(pipeline.method), pipeline.hyperparameters
        parameter = None if method is None else method.parameters.get(TRAIN_FRACTION)
        if method is None or parameter is None or TRAIN_FRACTION in values:
            return pipeline
        if parameter.reason(1) is not None or not method.applies(TRAIN_FRACTION, values):
            return pipeline
        return replace(pipeline, hyperparameters={**values, TRAIN_FRACTION: 1})

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
        values = pipeline.hyperparameters
        for name, parameter in method.parameters.items():
            place = f"{method.name}.{name}"
            if not method.applies(name, values):
                found += [f"{place} {method.conditions[name].words()}"] if name in values else []
            elif name not in values:
                found.append(f"{place} is missing")
            elif reason := parameter.reason(values[name]):
                found.append(f"{place} {reason}")
        foreign = sorted(set(pipeline.hyperparameters) - set(method.parameters))
        return found + [f"{method.name} has no parameter {name!r}" for name in foreign]

    def _language_model_reasons(self, method: Method, key: str | None) -> list[str]:
        if not method.needs_language_model:
            return [] if key is None else [f"{method.name} takes no language model, got {key!r}"]
        if key in self.models_of(method):
            return []
        return [f"language model must be one of {list(self.models_of(method))!r}, got {key!r}"]

    def sample(self, rng: np.random.Generator, n: int) -> list[Pipeline]:
        """n uniform draws: method, then language model, then each hyper-parameter on its own scale."""
        return self.decode(self.sample_units(rng, n))

    def sample_units(self, rng: np.random.Generator, n: int) -> Units:
        """The same as `units`: (n, d), NaN where a decision does not apply."""
        units = rng.random((n, len(self.columns)))
        units[~self._active(units)] = np.nan
        return units

    def _active(self, units: Units) -> NDArray[np.bool_]:
        """(n, d): which decisions apply; none whose parent is missing."""
        chosen = np.minimum((units[:, 0] * len(self.methods)).astype(int), len(self.methods) - 1)
        table = np.zeros((len(self.methods), len(self.columns)), dtype=bool)
        for row, method in enumerate(self.methods):
            table[row, 0], table[row, 1] = True, method.needs_language_model
            table[row, [self._places[f"{method.name}.{name}"] for name in method.parameters]] = True
        found = np.asarray(table[chosen], dtype=np.bool_)
        for row, method in enumerate(self.methods):
            for name, condition in method.conditions.items():
                rows = np.flatnonzero(chosen == row)
                above = self._places[f"{method.name}.{condition.parameter}"]
                parent = method.parameters[condition.parameter]
                there = found[rows, above] & ~np.isnan(units[rows, above])
                allowed = [
                    condition.allows(parent.from_unit(unit)) for unit in units[rows[there], above].tolist()
                ]
                there[there] = allowed
                found[rows, self._places[f"{method.name}.{name}"]] = there
        return found

    def fill(self, units: Units, rng: np.random.Generator) -> Units:
        """The same with a uniform draw wherever a decision applies and is NaN, as after another was changed."""
        filled = units.copy()
        for _ in range(1 + max((len(method.conditions) for method in self.methods), default=0)):
            missing = self._active(filled) & np.isnan(filled)
            if not missing.any():
                break
            filled[missing] = rng.random(int(missing.sum()))
        return filled

    def encode(self, pipelines: Sequence[Pipeline]) -> Units:
        """(n, d) units of n pipelines; SpaceError with every reason for one that does not belong."""
        units = np.full((len(pipelines), len(self.columns)), np.nan)
        for row, pipeline in enumerate(pipelines):
            if reasons := self.reasons(pipeline):
                raise SpaceError(f"pipeline {row} is outside of {self.name!r}: {'; '.join(reasons)}")
            method = self._by_name[pipeline.method]
            units[row, 0] = self._methods_choice.to_unit(pipeline.method)
            if pipeline.language_model is not None:
                units[row, 1] = Choice(self.models_of(method)).to_unit(pipeline.language_model)
            for name, value in pipeline.hyperparameters.items():
                units[row, self._places[f"{method.name}.{name}"]] = method.parameters[name].to_unit(value)
        return units

    def decode(self, units: Units) -> list[Pipeline]:
        """Pipelines of (n, d) units in [0, 1]; columns that do not apply to the chosen method are ignored."""
        if units.ndim != 2 or units.shape[1] != len(self.columns):
            raise SpaceError(f"units must have shape (n, {len(self.columns)}), got {units.shape}")
        needed = units[self._active(units)]
        if not bool(np.all((needed >= 0) & (needed <= 1))):
            raise SpaceError("units must lie in [0, 1] wherever their decision applies")
        return [self._decode_row(row) for row in units.tolist()]

    def _decode_row(self, row: list[float]) -> Pipeline:
        method = self._by_name[str(self._methods_choice.from_unit(row[0]))]
        language_model = None
        if method.needs_language_model:
            language_model = str(Choice(self.models_of(method)).from_unit(row[1]))
        values = method.kept(
            {
                name: parameter.from_unit(unit)
                for name, parameter in method.parameters.items()
                if not math.isnan(unit := row[self._places[f"{method.name}.{name}"]])
            }
        )
        return Pipeline(method.name, values, language_model, self.name)

    @property
    def _methods_choice(self) -> Choice:
        return Choice(tuple(self._by_name))

    def restrict(
        self,
        *,
        methods: Sequence[str] | None = None,
        language_models: Sequence[str] | None = None,
        parameters: Mapping[str, Parameter] | None = None,
    ) -> Space:
        """A smaller space: only these methods and language models, `parameters` narrowed by column name.

        What can no longer apply is left out. SpaceError for a name that the space does not have, or an empty rest.
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
        for name, one in narrowed.items():
            if not isinstance(one, Parameter):
                raise SpaceError(
                    f"{name!r} must become a parameter such as Integer(2, 4) or Choice((8, 16)), got {one!r}",
                    name,
                )
        families = {
            family: tuple(key for key in models if key in own) for family, own in self.families.items()
        }
        used = {method.family for method in kept if method.family}
        return Space(
            self.name,
            tuple(narrowed_method(method, narrowed) for method in kept),
            () if families else models,
            {family: own for family, own in families.items() if own or family in used},
        )

    def distributions(self) -> dict[str, dict[str, float]]:
        """The uniform shares of every decision by label, in the shape of `Prior.distributions`."""
        found = {"method": _even(list(self._by_name))}
        found |= {decision: _even(list(models)) for decision, models in self.model_decisions().items()}
        for method in self.methods:
            for name, parameter in method.parameters.items():
                found[f"{method.name}.{name}"] = uniform_shares(parameter)
        return found

    def to_dict(self) -> dict[str, object]:
        """The space as JSON data; `from_dict` is the inverse."""
        models: object = {family: list(own) for family, own in self.families.items()}
        return {
            "name": self.name,
            "language_models": models or list(self.language_models),
            "methods": [method.to_dict() for method in self.methods],
        }

    @classmethod
    def from_dict(cls, data: object) -> Space:
        """A space from its JSON data; SpaceError naming the place (dotted) of anything that is wrong."""
        if not isinstance(data, Mapping):
            raise SpaceError(f"a space must be an object, got {data!r}")
        methods = data.get("methods")
        if not isinstance(methods, Sequence) or isinstance(methods, str):
            raise SpaceError(f"methods must be a list, got {methods!r}", "methods")
        checked_keys(data, ("name", "language_models", "methods"), "the space", "")
        models = data.get("language_models", [])
        families = models if isinstance(models, Mapping) else {}
        plain = [] if isinstance(models, Mapping) else _names(models, "language_models")
        built = tuple(method_from_dict(item, f"methods.{place}") for place, item in enumerate(methods))
        return cls(
            str(data.get("name", "")),
            built,
            tuple(plain),
            {str(name): tuple(_names(own, f"language_models.{name}")) for name, own in families.items()},
        )


def _names(given: object, place: str) -> list[str]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise SpaceError(f"{place} must be a list of names, got {given!r}", place)
    if wrong := [key for key in given if not isinstance(key, str)]:
        raise SpaceError(f"{place} must be a list of names, got {wrong[0]!r} in it", place)
    return list(given)


def _check_different(models: Sequence[str], place: str) -> None:
    if twice := [key for key in dict.fromkeys(models) if list(models).count(key) > 1]:
        raise SpaceError(f"the language models must differ, got {twice[0]!r} twice in {place}", place)


def _even(labels: Sequence[str]) -> dict[str, float]:
    return {label: 1 / len(labels) for label in labels}
