"""Spaces to and from ConfigSpace, as an exchange format only.

Knows one shape: a categorical "method", a categorical "language_model" conditional on the methods that need
one, and each "<method>:<parameter>" conditional on its method. ConfigSpace is looked up when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automl.errors import SpaceError
from automl.space.parameters import Choice, Flag, Integer, Parameter, Real
from automl.space.methods import Condition, Method
from automl.space.space import Space

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


def to_configspace(space: Space) -> ConfigSpace.ConfigurationSpace:
    """The same space as a ConfigSpace object; SpaceError when ConfigSpace is not installed."""
    library = _library()
    target: ConfigSpace.ConfigurationSpace = library.ConfigurationSpace(name=space.name)
    chooser = library.CategoricalHyperparameter("method", [method.name for method in space.methods])
    target.add(chooser)
    hungry = [method.name for method in space.methods if method.needs_language_model]
    if hungry:
        models = library.CategoricalHyperparameter("language_model", list(space.language_models))
        target.add(models, library.InCondition(models, chooser, hungry))
    for method in space.methods:
        for name, parameter in method.parameters.items():
            child = _to_foreign(library, f"{method.name}{SEPARATOR}{name}", parameter)
            target.add(child, library.EqualsCondition(child, chooser, method.name))
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
    names = list(known)
    if "method" not in names:
        raise SpaceError(f"a categorical named 'method' is needed, got {names!r}", "method")
    methods = [str(choice) for choice in known["method"].choices]
    own: dict[str, dict[str, Parameter]] = {method: {} for method in methods}
    for name in names:
        if name in ("method", "language_model"):
            continue
        method, _, parameter = name.partition(SEPARATOR)
        if method not in own or not parameter:
            raise SpaceError(f"{name!r} is not of the form '<method>{SEPARATOR}<parameter>'", name)
        own[method][parameter] = _from_foreign(library, known[name])
    hungry = _hungry(library, source, methods) if "language_model" in names else set()
    models = tuple(known["language_model"].choices) if hungry else ()
    return Space(source.name or "", tuple(Method(m, own[m], m in hungry) for m in methods), models)


def _from_foreign(library: Any, foreign: Any) -> Parameter:
    if isinstance(foreign, library.UniformFloatHyperparameter):
        return Real(float(foreign.lower), float(foreign.upper), bool(foreign.log))
    if isinstance(foreign, library.UniformIntegerHyperparameter):
        return Integer(int(foreign.lower), int(foreign.upper), bool(foreign.log))
    if isinstance(foreign, library.CategoricalHyperparameter):
        options = tuple(foreign.choices)
        return Flag() if options == (False, True) and isinstance(options[0], bool) else Choice(options)
    raise SpaceError(
        f"{foreign.name!r} is a {type(foreign).__name__}, which has no counterpart here", foreign.name
    )


def _hungry(library: Any, source: Any, methods: list[str]) -> set[str]:
    """The methods that need a language model: those of its condition, all when it has none."""
    conditions = source.parent_conditions_of["language_model"]
    if not conditions:
        return set(methods)
    (condition,) = conditions
    if isinstance(condition, library.InCondition):
        return {str(value) for value in condition.values}
    return {str(condition.value)}
