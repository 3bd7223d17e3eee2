"""The kinds of hyper-parameter, each a two-way map between values and the unit interval.

Knows neither methods nor conditions. Every kind offers `reason` (why a value does not belong, or None),
`to_unit` and `from_unit`, `cells` (the number of values, infinite for reals), `labels` and `bounds` (its
parts when shares are shown) and `to_dict`. A value of a finite kind owns an equal cell of [0, 1] and is
encoded as the middle of it, so that a uniform draw of the unit is a uniform draw of the values (in the
logarithm where `log` says so).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from automl.errors import SpaceError
from automl.values import Scalar

#: Drawn reals keep six significant digits: readable, and exactly recovered from their unit coordinate.
DIGITS = 6
#: So that the lower edge of a cell belongs to it in spite of rounding.
ROUNDING = 1e-9
#: A real is shown as shares of this many equal parts of its unit interval.
BINS = 4
#: An integer with more values than this is shown in parts, as a real is.
MOST_LABELS = 16


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_bounds(kind: str, low: float, high: float, log: bool) -> None:
    if not (_is_number(low) and _is_number(high) and low < high):
        raise SpaceError(f"{kind} needs finite low < high, got low={low!r}, high={high!r}", "low")
    if log and low <= 0:
        raise SpaceError(f"{kind} on a log scale needs low > 0, got {low!r}", "low")


@dataclass(frozen=True)
class Real:
    """A number in [low, high]; `log` spreads it evenly over orders of magnitude."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_bounds("a real", self.low, self.high, self.log)

    @property
    def cells(self) -> float:
        return math.inf

    def reason(self, value: Scalar) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"must be a number, got {value!r}"
        if not self.low <= value <= self.high:  # NaN fails this too
            return f"must lie in [{self.low:g}, {self.high:g}], got {value!r}"
        return None

    def to_unit(self, value: Scalar) -> float:
        number = float(value)  # type: ignore[arg-type]  # `reason` has looked at it
        if self.log:
            return (math.log(number) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (number - self.low) / (self.high - self.low)

    def from_unit(self, unit: float) -> float:
        if self.log:
            value = math.exp(math.log(self.low) + unit * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + unit * (self.high - self.low)
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def labels(self) -> list[str]:
        edges = [self.from_unit(step / BINS) for step in range(BINS + 1)]
        return [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]

    def bounds(self) -> list[float]:
        """The ends of the labelled parts in [0, 1], one more than labels."""
        return [step / BINS for step in range(BINS + 1)]

    def to_dict(self) -> dict[str, object]:
        return {"type": "real", "low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True)
class Integer:
    """A whole number in low..high, both ends included."""

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        if not all(isinstance(end, int) and not isinstance(end, bool) for end in (self.low, self.high)):
            raise SpaceError(f"an integer needs whole ends, got low={self.low!r}, high={self.high!r}", "low")
        _check_bounds("an integer", self.low, self.high, self.log)

    @property
    def cells(self) -> float:
        return self.high - self.low + 1

    def reason(self, value: Scalar) -> str | None:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole:
            return f"must be a whole number, got {value!r}"
        if not self.low <= value <= self.high:  # type: ignore[operator]
            return f"must lie in {self.low}..{self.high}, got {value!r}"
        return None

    def edges(self, value: int) -> tuple[float, float]:
        """The cell of a value in [0, 1]."""
        if not self.log:
            return (value - self.low) / self.cells, (value - self.low + 1) / self.cells
        start, width = math.log(self.low - 0.5), math.log(self.high + 0.5) - math.log(self.low - 0.5)
        return (math.log(value - 0.5) - start) / width, (math.log(value + 0.5) - start) / width

    def to_unit(self, value: Scalar) -> float:
        low, high = self.edges(int(value))  # type: ignore[arg-type]
        return (low + high) / 2

    def from_unit(self, unit: float) -> int:
        if self.log:
            start, width = math.log(self.low - 0.5), math.log(self.high + 0.5) - math.log(self.low - 0.5)
            value = math.floor(math.exp(start + unit * width) + 0.5 + ROUNDING)
        else:
            value = self.low + math.floor(unit * self.cells + ROUNDING)
        return min(max(value, self.low), self.high)

    def labels(self) -> list[str]:
        if self.cells > MOST_LABELS:
            return Real(self.low, self.high, self.log).labels()
        return [str(value) for value in range(self.low, self.high + 1)]

    def bounds(self) -> list[float]:
        """The ends of the labelled parts in [0, 1], one more than labels."""
        if self.cells > MOST_LABELS:
            return [step / BINS for step in range(BINS + 1)]
        return [self.edges(value)[0] for value in range(self.low, self.high + 1)] + [1.0]

    def to_dict(self) -> dict[str, object]:
        return {"type": "integer", "low": self.low, "high": self.high, "log": self.log}


@dataclass(frozen=True)
class Choice:
    """One of a few distinct values."""

    options: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.options))
        if not self.options:
            raise SpaceError("a choice needs at least one option, got none", "options")
        if len({(type(option) is bool, option) for option in self.options}) < len(self.options):
            raise SpaceError(f"the options of a choice must differ, got {list(self.options)!r}", "options")

    @property
    def cells(self) -> float:
        return len(self.options)

    def index(self, value: Scalar) -> int | None:
        """Where a value stands; True and 1 are not the same, 1 and 1.0 are."""
        for position, option in enumerate(self.options):
            if option == value and (type(option) is bool) == (type(value) is bool):
                return position
        return None

    def reason(self, value: Scalar) -> str | None:
        return (
            None if self.index(value) is not None else f"must be one of {list(self.options)!r}, got {value!r}"
        )

    def to_unit(self, value: Scalar) -> float:
        position = self.index(value)
        if position is None:
            raise SpaceError(str(self.reason(value)))
        return (position + 0.5) / len(self.options)

    def from_unit(self, unit: float) -> Scalar:
        return self.options[min(int(unit * len(self.options)), len(self.options) - 1)]

    def labels(self) -> list[str]:
        return [str(option) for option in self.options]

    def bounds(self) -> list[float]:
        """The ends of the labelled parts in [0, 1], one more than labels."""
        return [step / len(self.options) for step in range(len(self.options) + 1)]

    def to_dict(self) -> dict[str, object]:
        return {"type": "choice", "options": list(self.options)}


@dataclass(frozen=True)
class Flag:
    """True or false."""

    @property
    def cells(self) -> float:
        return 2

    def reason(self, value: Scalar) -> str | None:
        return None if isinstance(value, bool) else f"must be true or false, got {value!r}"

    def to_unit(self, value: Scalar) -> float:
        return 0.75 if value else 0.25

    def from_unit(self, unit: float) -> bool:
        return unit >= 0.5

    def labels(self) -> list[str]:
        return ["false", "true"]

    def bounds(self) -> list[float]:
        """The ends of the labelled parts in [0, 1], one more than labels."""
        return [0.0, 0.5, 1.0]

    def to_dict(self) -> dict[str, object]:
        return {"type": "flag"}


Parameter = Real | Integer | Choice | Flag


def uniform_shares(parameter: Parameter) -> dict[str, float]:
    """The share of each labelled part of a parameter under a uniform draw; they sum to 1."""
    widths = [high - low for low, high in pairwise(parameter.bounds())]
    return dict(zip(parameter.labels(), widths, strict=True))


def checked_keys(data: Mapping[str, object], known: Sequence[str], what: str, place: str) -> None:
    """SpaceError naming a key that means nothing there."""
    if unknown := [key for key in data if key not in known]:
        at = f"{place}.{unknown[0]}" if place else str(unknown[0])
        raise SpaceError(f"{what} has no {unknown[0]!r}; it takes {', '.join(known)}", at)


def parameter_from_dict(data: object, field: str) -> Parameter:
    """A parameter from its JSON data; SpaceError with the place (`field`) for anything else."""
    if not isinstance(data, Mapping):
        raise SpaceError(f"{field} must be an object with a type, got {data!r}", field)
    try:
        return _build(data)
    except KeyError as missing:
        raise SpaceError(f"{field} has no {missing.args[0]!r}: {dict(data)!r}", field) from None
    except SpaceError as wrong:
        raise SpaceError(f"{field}: {wrong.message}", field) from None


#: What a parameter of each type says of itself; "when" is its method's to read.
KEYS: Mapping[str, tuple[str, ...]] = {
    "real": ("low", "high", "log"),
    "integer": ("low", "high", "log"),
    "choice": ("options",),
    "flag": (),
}


def _build(data: Mapping[str, object]) -> Parameter:
    kind = data["type"]
    if not isinstance(kind, str) or kind not in KEYS:
        raise SpaceError(f"type must be {', '.join(KEYS)}, got {kind!r}")
    checked_keys(data, ("type", *KEYS[kind], "when"), f"a parameter of type {kind}", "")
    if kind == "flag":
        return Flag()
    if kind == "choice":
        return Choice(tuple(_options(data["options"])))
    low, high, log = data["low"], data["high"], data.get("log", False)
    if not isinstance(log, bool):
        raise SpaceError(f"log must be true or false, got {log!r}")
    if kind == "real":
        return Real(low, high, log)  # type: ignore[arg-type]  # __post_init__ checks the ends
    return Integer(low, high, log)  # type: ignore[arg-type]


def _options(given: object) -> Sequence[Scalar]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise SpaceError(f"options must be a list, got {given!r}")
    for option in given:
        if option is not None and not isinstance(option, str | int | float):
            raise SpaceError(f"an option must be a text, a number, true, false or null, got {option!r}")
    return given
