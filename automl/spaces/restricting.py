"""A ready-made space made smaller, as a file says it: fewer methods and language models, narrower parameters.

Knows how people write that down (docs/spaces.md), and no particular space. Start at `restricted`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import cast

from automl.errors import SpaceError
from automl.space import Integer, Parameter, Real, Space
from automl.space.parameters import parameter_from_dict
from automl.values import Scalar


def restricted(space: Space, data: Mapping[str, object]) -> Space:
    """The space with what `data` says of methods, language models, parameters and name; SpaceError with the place."""
    methods, models = texts(data, "methods"), texts(data, "language_models")
    known = [method.name for method in space.methods]
    for place, name in enumerate(methods or ()):
        if not space.has_method(name):
            raise SpaceError(
                f"methods.{place}: {name!r} is no method of {space.name!r}{_meant(name, known)}; it has {known}",
                f"methods.{place}",
            )
    narrowed = _narrowed(space, data.get("parameters", {}))
    smaller = space.restrict(methods=methods, language_models=models, parameters=narrowed)
    return Space(
        str(data.get("name", space.name)), smaller.methods, smaller.language_models, smaller.families
    )


def texts(data: Mapping[str, object], name: str) -> list[str] | None:
    """A list of different names of the data, None where it says nothing."""
    given = data.get(name)
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise SpaceError(f"{name} must be a list of names, got {given!r}", name)
    for place, one in enumerate(given):
        if not isinstance(one, str):
            raise SpaceError(f"{name}.{place} must be a name, got {one!r}", f"{name}.{place}")
    if twice := [one for one in given if list(given).count(one) > 1]:
        raise SpaceError(f"{name} has {twice[0]!r} twice; keep one", name)
    return list(given)


def _narrowed(space: Space, given: object) -> dict[str, Parameter]:
    if not isinstance(given, Mapping):
        raise SpaceError(f"parameters must be an object, got {given!r}", "parameters")
    found: dict[str, Parameter] = {}
    # What names one method goes before what names all of them.
    for name, value in sorted(given.items(), key=lambda pair: "." in str(pair[0])):
        for column, old in _meaning(space, str(name)).items():
            found[column] = _parameter(f"parameters.{name}", value, old)
    return found


def _meaning(space: Space, name: str) -> dict[str, Parameter]:
    """The columns that "<method>.<parameter>" or "<parameter>", of every method that has it, stands for."""
    own = {
        f"{method.name}.{key}": parameter
        for method in space.methods
        for key, parameter in method.parameters.items()
    }
    found = {
        column: parameter for column, parameter in own.items() if name in (column, column.partition(".")[2])
    }
    if not found:
        plain = [column.partition(".")[2] for column in own]
        known = list(own) if "." in name else list(dict.fromkeys(plain))
        raise SpaceError(
            f"parameters.{name}: {space.name!r} has no such parameter{_meant(name, known)}; it has {known}",
            f"parameters.{name}",
        )
    return found


def _parameter(place: str, value: object, old: Parameter) -> Parameter:
    """What a short entry means: a list is a choice, a single value is fixed, ends keep the kind they narrow."""
    if isinstance(value, Mapping):
        if "when" in value:
            raise SpaceError(
                f"{place}: a condition can be given in a whole space only; leave 'when' out", place
            )
        kind = old.to_dict()
        if "type" in value or not isinstance(old, Real | Integer):
            return parameter_from_dict({"type": kind["type"], **value}, place)
        return parameter_from_dict({**kind, **value}, place)
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    options = cast("Sequence[Scalar]", value) if listed else (cast("Scalar", value),)
    return parameter_from_dict({"type": "choice", "options": list(options)}, place)


def _meant(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f" (is {close[0]!r} meant?)" if close else ""
