"""Spaces to and from ConfigSpace, as an exchange format only.

Knows one shape: a categorical "method", a categorical "language_model" (or one "language_model.<family>" for each
family) conditional on the methods that take it, and each "<method>:<parameter>" conditional on its method, or on
values of another parameter of it. ConfigSpace is looked up when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.errors import SpaceError
from automl.space.methods import Condition, Method
from automl.space.parameters import Choice, Flag, Integer, Parameter, Real
from automl.space.space import LANGUAGE_MODEL, Space

if TYPE_CHECKING:
    import ConfigSpace

SEPARATOR = ":"


def _library() -> Any:
    try:
        import ConfigSpace
    except ImportError:
        raise SpaceError(
            "exchanging spaces needs ConfigSpace; install it with: pip install ConfigSpace"
        ) from None
    return ConfigSpace


def write_configspace(space: Space, path: str | Path) -> None:
    """Write the space as ConfigSpace's own JSON."""
    to_configspace(space).to_json(path)


def read_configspace(path: str | Path) -> Space:
    """A space from ConfigSpace's own JSON; SpaceError with the path for a file that is none or of another shape."""
    library = _library()
    try:
        source = library.ConfigurationSpace.from_json(path)
    except OSError as wrong:
        raise SpaceError(f"{path}: cannot be read: {wrong.strerror}") from None
    except Exception as wrong:  # it raises what its decoders happen to raise
        raise SpaceError(f"{path}: is no JSON of ConfigSpace: {type(wrong).__name__}: {wrong}") from None
    try:
        return from_configspace(source)
    except SpaceError as wrong:
        raise SpaceError(f"{path}: {wrong.message}", wrong.field) from None


def to_configspace(space: Space) -> ConfigSpace.ConfigurationSpace:
    """The same space as a ConfigSpace object; SpaceError when ConfigSpace is not installed."""
    library = _library()
    target: ConfigSpace.ConfigurationSpace = library.ConfigurationSpace(name=space.name)
    chooser = library.CategoricalHyperparameter("method", [method.name for method in space.methods])
    target.add(chooser)
    hungry = [method for method in space.methods if method.needs_language_model]
    for decision, models in space.model_decisions().items() if hungry else ():
        takers = [method.name for method in hungry if space.model_decision(method) == decision]
        child = library.CategoricalHyperparameter(decision, list(models))
        target.add(child, library.InCondition(child, chooser, takers))
    for method in space.methods:
        added: dict[str, Any] = {}
        for name, parameter in method.parameters.items():
            child = added[name] = _to_foreign(library, f"{method.name}{SEPARATOR}{name}", parameter)
            condition = method.conditions.get(name)
            if condition is None:
                target.add(child, library.EqualsCondition(child, chooser, method.name))
            else:
                above = added[condition.parameter]
                target.add(child, library.InCondition(child, above, list(condition.values)))
    return target


def _to_foreign(library: Any, name: str, parameter: Parameter) -> Any:
    if isinstance(parameter, Real):
        return library.UniformFloatHyperparameter(name, parameter.low, parameter.high, log=parameter.log)
    if isinstance(parameter, Integer):
        return library.UniformIntegerHyperparameter(name, parameter.low, parameter.high, log=parameter.log)
    options = [False, True] if isinstance(parameter, Flag) else list(parameter.options)
    return library.CategoricalHyperparameter(name, options)


def from_configspace(source: ConfigSpace.ConfigurationSpace) -> Space:
    """A space from a ConfigSpace object of the shape above; SpaceError saying what does not fit."""
    library, known = _library(), dict[str, Any](source)
    if "method" not in known:
        raise SpaceError(f"a categorical named 'method' is needed, got {list(known)!r}", "method")
    if source.forbidden_clauses:
        raise SpaceError(f"forbidden clauses have no counterpart here, got {source.forbidden_clauses[0]!r}")
    methods = [str(choice) for choice in known["method"].choices]
    own: dict[str, dict[str, Parameter]] = {method: {} for method in methods}
    conditions: dict[str, dict[str, Condition]] = {method: {} for method in methods}
    takers = {name: _takers(library, source, name, methods) for name in known if _is_models(name)}
    for name in known:
        if name == "method" or name in takers:
            continue
        method, _, parameter = name.partition(SEPARATOR)
        if method not in own or not parameter:
            raise SpaceError(f"{name!r} is not of the form '<method>{SEPARATOR}<parameter>'", name)
        own[method][parameter] = _from_foreign(library, known[name])
        if (condition := _condition(library, source, name, method)) is not None:
            conditions[method][parameter] = condition
    models = {name: tuple(known[name].choices) for name, taking in takers.items() if taking}
    return Space(
        source.name or "",
        tuple(_method(name, own[name], conditions[name], takers) for name in methods),
        models.pop(LANGUAGE_MODEL, ()),
        {name.removeprefix(f"{LANGUAGE_MODEL}."): keys for name, keys in models.items()},
    )


def _is_models(name: str) -> bool:
    return name == LANGUAGE_MODEL or name.startswith(f"{LANGUAGE_MODEL}.")


def _method(
    name: str,
    parameters: Mapping[str, Parameter],
    conditions: Mapping[str, Condition],
    takers: Mapping[str, set[str]],
) -> Method:
    decisions = [decision for decision, taking in takers.items() if name in taking]
    if len(decisions) > 1:
        raise SpaceError(f"method {name!r} has several language models {decisions!r}; it takes one", name)
    family = "".join(decisions).removeprefix(LANGUAGE_MODEL).removeprefix(".")
    ordered = dict(sorted(parameters.items(), key=lambda pair: _depth(pair[0], conditions)))
    return Method(name, ordered, bool(decisions), family, conditions)


def _depth(name: str, conditions: Mapping[str, Condition]) -> int:
    """How many parameters decide whether this one applies; ConfigSpace has refused circles."""
    return 1 + _depth(conditions[name].parameter, conditions) if name in conditions else 0


def _from_foreign(library: Any, foreign: Any) -> Parameter:
    if isinstance(foreign, library.UniformFloatHyperparameter):
        return Real(float(foreign.lower), float(foreign.upper), bool(foreign.log))
    if isinstance(foreign, library.UniformIntegerHyperparameter):
        return Integer(int(foreign.lower), int(foreign.upper), bool(foreign.log))
    if isinstance(foreign, library.CategoricalHyperparameter):
        options = tuple(foreign.choices)
        return Flag() if options == (False, True) and isinstance(options[0], bool) else Choice(options)
    if isinstance(foreign, library.Constant):
        return Choice((foreign.value,))
    raise SpaceError(
        f"{foreign.name!r} is a {type(foreign).__name__}, which has no counterpart here", foreign.name
    )


def _parents(library: Any, source: Any, name: str) -> dict[str, tuple[Any, ...]]:
    """Each parent of a hyper-parameter with the values that let it apply; SpaceError for any other condition."""
    found: dict[str, tuple[Any, ...]] = {}
    for condition in source.parent_conditions_of[name]:
        alone = not isinstance(condition, library.AndConjunction)
        for one in [condition] if alone else condition.components:
            if isinstance(one, library.InCondition):
                found[one.parent.name] = tuple(one.values)
            elif isinstance(one, library.EqualsCondition):
                found[one.parent.name] = (one.value,)
            else:
                raise SpaceError(
                    f"the condition {one!s} has no counterpart here; say it with equals or in", name
                )
    return found


def _condition(library: Any, source: Any, name: str, method: str) -> Condition | None:
    parents = _parents(library, source, name)
    if tuple(parents.pop("method", (method,))) != (method,):
        raise SpaceError(f"{name!r} must apply to its method {method!r} alone", name)
    if not parents:
        return None
    [above, *more] = parents
    if more or not above.startswith(f"{method}{SEPARATOR}"):
        raise SpaceError(
            f"{name!r} may depend on one other parameter of {method!r}, got {list(parents)!r}", name
        )
    return Condition(above.partition(SEPARATOR)[2], parents[above])


def _takers(library: Any, source: Any, name: str, methods: list[str]) -> set[str]:
    """The methods that need a language model: those of its condition, all when it has none."""
    parents = _parents(library, source, name)
    if foreign := sorted(set(parents) - {"method"}):
        raise SpaceError(f"{name!r} may depend on the method alone, got {foreign!r}", name)
    return {str(value) for value in parents.get("method", tuple(methods))}
