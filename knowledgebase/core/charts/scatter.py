"""One number against another, a mark for each run; it does not know what the numbers are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from knowledgebase.core.charts.scales import (
    METHODS,
    Axis,
    Tick,
    method_glyph,
    method_tone,
    percent,
    round_values,
)

_LEFT, _WIDTH, _TOP, _FLOOR = 9.0, 89.0, 26.0, 250.0
# Numbers over more than two decades are seen only by their logarithm.
_LOG_RATIO = 100.0
_LEAST = 1e-100  # below, padding would come to zero, which has no logarithm
Words = Callable[[float], str]


@dataclass(frozen=True)
class Dot:
    """One run: its two numbers, its method, what a pointer is told, where it leads, and a letter or ""."""

    x: float
    y: float
    method: str
    words: str
    address: str
    letter: str = ""


@dataclass(frozen=True)
class DrawnDot:
    """A dot with its place (per cent, pixels), glyph and colour class."""

    dot: Dot
    x: str
    y: str
    glyph: str
    tone: str


@dataclass(frozen=True)
class Scatter:
    """A laid out scatter; `methods` are the glyphs of its key."""

    ident: str
    title: str
    finding: str
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    dots: tuple[DrawnDot, ...]
    methods: tuple[str, ...]


def scatter(
    ident: str,
    titles: tuple[str, str],
    dots: Sequence[Dot],
    words: tuple[Words, Words],
    *,
    may_be_log: tuple[bool, bool] = (True, True),
) -> Scatter | None:
    """Lay out dots by (x, y); `words` write a number of each axis. None without a dot.

    `may_be_log`: whether an axis may go by decades. What lies between 0 and 1 as a share of the possible does not:
    half as far from nought is no more than half as much.
    """
    if not dots:
        return None
    x = _axis([dot.x for dot in dots], _LEFT, _WIDTH, may_be_log[0])
    y = _axis([dot.y for dot in dots], _FLOOR, _TOP - _FLOOR, may_be_log[1])
    logs = [title + (", log scale" if axis.log else "") for title, axis in zip(titles, (x, y), strict=True)]
    return Scatter(
        ident=ident,
        title=f"{titles[1]} against {titles[0]}",
        finding=_finding(dots, titles, words),
        x_title=logs[0],
        y_title=logs[1],
        x_ticks=tuple(Tick(percent(x.at(value)), words[0](value)) for value in _values(x)),
        y_ticks=tuple(Tick(f"{y.at(value):.1f}", words[1](value)) for value in _values(y)),
        dots=tuple(
            DrawnDot(
                dot, percent(x.at(dot.x)), f"{y.at(dot.y):.1f}", method_glyph(dot.method), method_tone(dot.method)
            )
            for dot in dots
        ),
        methods=tuple(m for m in (*METHODS, "other") if any(method_glyph(dot.method) == m for dot in dots)),
    )  # fmt: skip


def _axis(values: Sequence[float], start: float, length: float, may_be_log: bool) -> Axis:
    low, high = min(values), max(values)
    if may_be_log and low > _LEAST and high / low >= _LOG_RATIO:
        pad = (high / low) ** 0.04
        return Axis(low / pad, high * pad, start, length, log=True)
    around = (high - low) * 0.06 or max(abs(high) * 0.1, 0.01)
    return Axis(low - around if low < 0 or low > around else 0.0, high + around, start, length)


def _values(axis: Axis) -> list[float]:
    if not axis.log:
        return round_values(axis.low, axis.high)
    powers = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    found = [10.0**power for power in powers if axis.low <= 10.0**power <= axis.high]
    step = -(-len(found) // 6)
    return found[::step]


def _finding(dots: Sequence[Dot], titles: tuple[str, str], words: tuple[Words, Words]) -> str:
    spans = [
        f"{title} from {form(min(values))} to {form(max(values))}"
        for title, form, values in (
            (titles[0], words[0], [dot.x for dot in dots]),
            (titles[1], words[1], [dot.y for dot in dots]),
        )
    ]
    related = _rank_correlation(dots)
    told = "" if related is None else f" Rank correlation {related:+.2f}."
    return f"{len(dots):,} run{'s' * (len(dots) != 1)}: {spans[0]}, {spans[1]}.{told}"


def _rank_correlation(dots: Sequence[Dot]) -> float | None:
    """Spearman's, with the mean rank for ties; None for fewer than 8 dots or where one number never changes."""
    if len(dots) < 8:
        return None
    xs, ys = _ranks([dot.x for dot in dots]), _ranks([dot.y for dot in dots])
    middle = (len(dots) - 1) / 2
    xx, yy = (sum((one - middle) ** 2 for one in ranks) for ranks in (xs, ys))
    if xx == 0 or yy == 0:
        return None
    return sum((a - middle) * (b - middle) for a, b in zip(xs, ys, strict=True)) / math.sqrt(xx * yy)


def _ranks(values: Sequence[float]) -> list[float]:
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(place)
    return [sum(places[value]) / len(places[value]) for value in values]
