"""Where each of a few runs lies on each of some numbers: one line a number, a letter a run; it knows no run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from knowledgebase.core.charts.scales import Axis, percent

_LEFT, _WIDTH, _TOP, _STEP = 4.0, 92.0, 30, 46
# Letters nearer than this (per cent of the width) would cover one another; each next one stands so many pixels aside.
_NEAR, _ASIDE = 4.0, 17
# Values this far apart are told by their ratio rather than by their difference.
_LOG_FROM = 20.0


@dataclass(frozen=True)
class Mark:
    """One letter on a line: where, and how many pixels aside."""

    letter: str
    at: str
    aside: int


@dataclass(frozen=True)
class PlaceLine:
    """One number: its name, its ends in words, the height of its line and of its words, its letters."""

    name: str
    ends: str
    y: int
    name_y: int
    letter_y: int
    marks: tuple[Mark, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Places:
    """The lines, and what they say in words."""

    ident: str
    title: str
    finding: str
    height: int
    letters: tuple[str, ...]
    lines: tuple[PlaceLine, ...]


@dataclass(frozen=True)
class Numbers:
    """One number of all runs, in the order of their letters, and the same in words."""

    name: str
    values: Sequence[float | None]
    texts: Sequence[str]


def places(ident: str, title: str, letters: Sequence[str], numbers: Sequence[Numbers]) -> Places | None:
    """Lay out the numbers that are not all equal; `None` where there is none."""
    differing = [one for one in numbers if len({value for value in one.values if value is not None}) > 1]
    if not differing:
        return None
    lines = tuple(_line(one, letters, _TOP + _STEP * place) for place, one in enumerate(differing))
    finding = "; ".join(f"{line.name} from {line.ends}" for line in lines)
    return Places(ident, title, f"{finding}.", lines[-1].y + 16, tuple(letters), lines)


def _line(one: Numbers, letters: Sequence[str], y: int) -> PlaceLine:
    known = {value: text for value, text in zip(one.values, one.texts, strict=True) if value is not None}
    low, high = min(known), max(known)
    log = low > 0 and high / low >= _LOG_FROM
    ends = f"{known[low]} to {known[high]}{', by ratio' if log else ''}"
    marks = _marks(Axis(low, high, _LEFT, _WIDTH, log), letters, one.values)
    return PlaceLine(one.name, ends, y, y - 16, y + 4, marks, tuple(one.texts))


def _marks(axis: Axis, letters: Sequence[str], values: Sequence[float | None]) -> tuple[Mark, ...]:
    marks, taken = [], list[float]()
    for letter, value in zip(letters, values, strict=True):
        if value is None:
            continue
        at = axis.at(value)
        before = sum(abs(at - other) < _NEAR for other in taken)
        taken.append(at)
        # Away from the nearer end, where there is room.
        marks.append(Mark(letter, percent(at), before * (_ASIDE if at < 50 else -_ASIDE)))
    return tuple(marks)
