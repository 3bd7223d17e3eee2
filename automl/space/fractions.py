"""The hyper-parameter `train_fraction`: the shares of the training rows that pipelines of a space may take.

Knows parameters; knows no method, no rows and no search.
"""

from __future__ import annotations

from collections.abc import Sequence

from automl.errors import SpaceError
from automl.space.parameters import DIGITS, Choice, Parameter, Real
from automl.values import A_FRACTION, Scalar, is_fraction


def fractions_parameter(given: object, place: str) -> Choice:
    """The choice of these fractions, ascending, so that neighbours are near; SpaceError with the place and the value
    for what is no list of different numbers above 0 and at most 1."""
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise SpaceError(f"{place} must be a list of fractions such as [0.11, 0.33, 1], got {given!r}", place)
    found = [_fraction(one, f"{place}.{at}") for at, one in enumerate(given)]
    if twice := [one for one in found if found.count(one) > 1]:
        raise SpaceError(f"{place} has {twice[0]:g} twice; keep one", place)
    return Choice(tuple(sorted(found)))


def _fraction(value: Scalar, place: str) -> float:
    if not is_fraction(value):
        raise SpaceError(f"{place} must be {A_FRACTION}, got {value!r}", place)
    return float(f"{value:.{DIGITS}g}")  # as short as drawn reals


def check_fractions(parameter: Parameter, place: str) -> None:
    """SpaceError where the parameter may have a value that is no share of rows."""
    if isinstance(parameter, Choice):
        values: Sequence[Scalar] = parameter.options
    else:
        values = (parameter.low, parameter.high) if isinstance(parameter, Real) else (None,)
    if wrong := [value for value in values if not is_fraction(value)]:
        said = f", got {wrong[0]!r}" if wrong[0] is not None else f", got {parameter.to_dict()!r}"
        raise SpaceError(f"{place} must be a choice or a real, each {A_FRACTION}{said}", place)
