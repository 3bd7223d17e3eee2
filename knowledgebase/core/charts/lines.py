"""Curves over steps, such as loss and score while a run trains; it does not know what is measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from knowledgebase.core import formats
from knowledgebase.core.charts.scales import Axis, Tick, percent, round_values

_LEFT, _WIDTH, _TOP, _FLOOR = 9.0, 71.0, 26.0, 170.0


@dataclass(frozen=True)
class Series:
    """One line: its name and its (x, y) points, x ascending; `reference` draws it grey and dashed.

    `mark`: a letter that stands where the line ends, for lines that end at different places.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    reference: bool = False
    mark: str = ""


@dataclass(frozen=True)
class Line:
    """One drawn line: path in the stretched box, its label and where the label stands (pixels), its mark and where."""

    name: str
    path: str
    label: str
    y: str
    reference: bool
    mark: str
    mark_x: str
    mark_y: str


@dataclass(frozen=True)
class LineChart:
    """A chart of a few lines over one axis of steps or seconds, with the rows of its table."""

    ident: str
    title: str
    finding: str
    axis: str
    right: str
    x_title: str
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def line_chart(
    ident: str,
    title: str,
    axis: str,
    x_title: str,
    series: Sequence[Series],
    *,
    from_zero: bool = False,
    where: str = "at step {}",
    most: int = 5,
) -> LineChart | None:
    """Lay out the first `most` series that have at least two points; `None` where there is none.

    `where`: an x in words.
    """
    shown = [one for one in series if len(one.points) > 1][:most]
    xs = [x for one in shown for x, _ in one.points]
    ys = [y for one in shown for _, y in one.points]
    if not shown or min(xs) == max(xs):
        return None
    low, high = (0.0 if from_zero else min(ys)), max(ys)
    pad = (high - low) * 0.06 or max(abs(high) * 0.1, 0.01)
    bottom = 0.0 if from_zero else (max(0.0, low - pad) if low >= 0 else low - pad)
    y = Axis(high + pad, bottom, _TOP, _FLOOR - _TOP)
    x = Axis(min(0.0, *xs), max(xs), _LEFT, _WIDTH)
    return LineChart(
        ident=ident,
        title=title,
        finding=" ".join(_finding(one, where) for one in shown),
        axis=axis,
        right=percent(_LEFT + _WIDTH),
        x_title=x_title,
        y_ticks=_y_ticks(y),
        x_ticks=_x_ticks(x),
        lines=_lines(shown, x, y),
        names=tuple(one.name for one in shown),
        rows=_rows(shown),
    )


def _y_ticks(y: Axis) -> tuple[Tick, ...]:
    values = round_values(y.high, y.low)
    decimals = 0 if all(float(v).is_integer() for v in values) else (2 if y.low - y.high < 1 else 1)
    return tuple(Tick(f"{y.at(value):.1f}", f"{value:,.{decimals}f}") for value in values)


def _x_ticks(x: Axis) -> tuple[Tick, ...]:
    values = round_values(x.low, x.high)
    return tuple(Tick(percent(x.at(value)), formats.figure(value)) for value in values)


def _lines(shown: Sequence[Series], x: Axis, y: Axis) -> tuple[Line, ...]:
    lines, taken, ends = [], list[float](), list[tuple[float, float]]()
    for one in shown:
        end = (x.at(one.points[-1][0]), y.at(one.points[-1][1]))
        place = end[1]
        while any(abs(place - other) < 14 for other in taken):
            place += 14
        taken.append(place)
        # Two letters over one another tell nothing; the labels beside the chart still do.
        covered = any(abs(end[0] - at) < 4 and abs(end[1] - height) < 14 for at, height in ends)
        ends.append(end)
        lines.append(
            Line(
                name=one.name,
                path="M" + " ".join(f"{x.unit(a)} {y.unit(b)}" for a, b in one.points),
                label=f"{one.name} {formats.figure(one.points[-1][1])}",
                y=f"{place + 4:.1f}",
                reference=one.reference,
                mark="" if covered else one.mark,
                mark_x=percent(end[0]),
                mark_y=f"{end[1] - 6:.1f}",
            )
        )
    return tuple(lines)


def _rows(shown: Sequence[Series]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    tables = [dict(one.points) for one in shown]
    steps = sorted({x for table in tables for x in table})
    return tuple(
        (formats.figure(step), tuple(formats.figure(table.get(step)) for table in tables)) for step in steps
    )


def _finding(one: Series, where: str) -> str:
    first, last = one.points[0], one.points[-1]
    return (
        f"{one.name}: from {formats.figure(first[1])} {where.format(formats.figure(first[0]))}"
        f" to {formats.figure(last[1])} {where.format(formats.figure(last[0]))}."
    )
