"""The front: score against time on a log axis, failures below it; it knows no rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from knowledgebase.core import formats
from knowledgebase.core.charts.scales import (
    FAILURES,
    METHODS,
    Axis,
    Tick,
    method_glyph,
    method_tone,
    percent,
    round_values,
    score_range,
    status_tone,
    time_values,
)
from knowledgebase.core.fronts import front_places

_LEFT, _WIDTH, _TOP, _FLOOR = 11.0, 87.0, 26.0, 214.0
_ROW = 16
# Two numbers side by side on a phone, in per cent of its width; one above the other, in pixels.
_APART_X, _APART_Y = 6.0, 13.0


@dataclass(frozen=True)
class Point:
    """One finished trial or experience with a score: `seconds` > 0, `score` in [0, 1]."""

    number: int
    method: str
    score: float
    seconds: float


@dataclass(frozen=True)
class Mark:
    """One glyph: which, its colour class, where, its place on the front (or ""), and what a pointer is told."""

    glyph: str
    tone: str
    x: str
    y: str
    place: str = ""
    words: str = ""
    wide: bool = False
    """Whether its place would cover another's on a phone; the table beside the drawing has it."""


@dataclass(frozen=True)
class FailureRow:
    """One kind of failure below the axis: glyph, count, base line (pixels), times lost (per cent)."""

    status: str
    tone: str
    count: int
    y: float
    marks: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One point that is drawn, as the table beside the drawing lists it; `place` on the front, 0 behind it."""

    place: int
    point: Point


@dataclass(frozen=True)
class FrontChart:
    """Score against time (log), the front as a step line, failures below the axis."""

    ident: str
    metric: str
    height: float
    floor: float
    label_y: float
    finding: str
    path: str
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    failures: tuple[FailureRow, ...]
    methods: tuple[str, ...]
    front: tuple[Point, ...]
    rows: tuple[Row, ...]
    counted: str
    reference: str = ""
    """Another front's step line to compare with, grey and dashed; its title is the caller's to say."""


def front_of(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points that no other beats in both score (higher) and seconds (lower), fastest first."""
    shown = sorted(points, key=lambda point: point.number)
    return tuple(shown[place] for place in front_places((point.score, point.seconds) for point in shown))


def front_chart(
    ident: str,
    points: Iterable[Point],
    failures: Mapping[str, Sequence[float]],
    metric: str,
    reference: Sequence[Point] = (),
    counted: str = "Trial",
) -> FrontChart | None:
    """Lay out the front; `failures`: outcome -> seconds lost by each. `None` where nothing has a score.

    `reference`: the points of another front, drawn as its step line only; `counted`: what a point's number is of.
    """
    shown = [point for point in points if point.seconds > 0]
    if not shown:
        return None
    lost = {status: [s for s in failures.get(status, ()) if s > 0] for status in FAILURES}
    other = front_of(point for point in reference if point.seconds > 0)
    times = [p.seconds for p in (*shown, *other)] + [s for row in lost.values() for s in row]
    pad = max(1.2, (max(times) / min(times)) ** 0.06)
    x = Axis(min(times) / pad, max(times) * pad, _LEFT, _WIDTH, log=True)
    low, high = score_range([p.score for p in (*shown, *other)])
    y = Axis(high, low, _TOP, _FLOOR - _TOP)
    front, rows = front_of(shown), _failure_rows(failures, lost, x)
    below = _FLOOR + _ROW * len(rows) + (6 if rows else 0)
    return FrontChart(
        ident=ident,
        metric=metric,
        height=below + 44,
        floor=_FLOOR,
        label_y=below + 22,
        finding=_finding(front, metric),
        path=_step_path(front, x, y),
        y_ticks=tuple(Tick(f"{y.at(v):.1f}", f"{v:.2f}") for v in round_values(low, high)),
        x_ticks=_time_ticks(x),
        marks=_marks(shown, front, x, y),
        failures=rows,
        methods=tuple(m for m in (*METHODS, "other") if any(method_glyph(p.method) == m for p in shown)),
        front=front,
        rows=_rows(shown, front),
        counted=counted,
        reference=_step_path(other, x, y) if other else "",
    )


def _rows(points: Sequence[Point], front: Sequence[Point]) -> tuple[Row, ...]:
    """Every point: the front, fastest first, then the others, highest first."""
    on_front = {point.number for point in front}
    others = sorted((p for p in points if p.number not in on_front), key=lambda p: (-p.score, p.seconds))
    return (*(Row(place, p) for place, p in enumerate(front, start=1)), *(Row(0, p) for p in others))


def _time_ticks(x: Axis) -> tuple[Tick, ...]:
    values = time_values(x.low, x.high)
    crowded = len(values) > 4
    return tuple(
        Tick(percent(x.at(value)), formats.seconds(value), wide=crowded and index % 2 == 1)
        for index, value in enumerate(values)
    )


def _marks(points: Sequence[Point], front: Sequence[Point], x: Axis, y: Axis) -> tuple[Mark, ...]:
    places = {point.number: str(index) for index, point in enumerate(front, start=1)}
    roomy = _roomy(front, x, y)
    return tuple(
        Mark(
            glyph=method_glyph(p.method),
            tone=method_tone(p.method),
            x=percent(x.at(p.seconds)),
            y=f"{y.at(p.score):.1f}",
            place=places.get(p.number, ""),
            words=f"{p.number}: {p.method}, {formats.score(p.score, 3)} in {formats.seconds(p.seconds)}",
            wide=p.number not in roomy,
        )
        for p in sorted(points, key=lambda p: p.number in places)
    )


def _roomy(front: Sequence[Point], x: Axis, y: Axis) -> set[int]:
    """The numbers of the points whose places do not cover each other on a phone, the slowest first of all."""
    kept: list[Point] = []
    for point in reversed(front):
        if all(
            abs(x.at(point.seconds) - x.at(other.seconds)) >= _APART_X
            or abs(y.at(point.score) - y.at(other.score)) >= _APART_Y
            for other in kept
        ):
            kept.append(point)
    return {point.number for point in kept}


def _failure_rows(
    failures: Mapping[str, Sequence[float]], lost: Mapping[str, Sequence[float]], x: Axis
) -> tuple[FailureRow, ...]:
    present = [status for status in FAILURES if failures.get(status)]
    return tuple(
        FailureRow(
            status=status,
            tone=status_tone(status),
            count=len(failures[status]),
            y=_FLOOR + 22 + _ROW * index,
            marks=tuple(percent(x.at(value)) for value in lost[status]),
        )
        for index, status in enumerate(present)
    )


def _step_path(front: Sequence[Point], x: Axis, y: Axis) -> str:
    head, *rest = [(x.unit(p.seconds), y.unit(p.score)) for p in front]
    return f"M{head[0]} {head[1]}" + "".join(f"H{x_}V{y_}" for x_, y_ in rest) + "H1000"


def _finding(front: Sequence[Point], metric: str) -> str:
    first, last = front[0], front[-1]
    start = f"{metric} {formats.score(first.score, 3)} at {formats.seconds(first.seconds)}"
    if len(front) == 1:
        return f"One run is on the front: {start}."
    end = f"{formats.score(last.score, 3)} at {formats.seconds(last.seconds)}"
    return f"{len(front)} runs are on the front, from {start} to {end}."
