"""Rulers, strips and bars: progress, outcomes, growth, prior against uniform; it knows no rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from knowledgebase.core import formats
from knowledgebase.core.charts.scales import STATUSES, Axis, Tick, percent, round_values, status_tone

_BIT_WIDTH = 44.0
_LABEL, _SPAN = 46.0, 42.0
# A row of a panel and what words of more letters need above their bar, in pixels.
_ROW_HEIGHT, _DROP, _LETTERS = 20, 16, 20


@dataclass(frozen=True)
class Bit:
    """A value's place beside a reference tick, in a cell: pixels within 44."""

    dot: str
    tick: str


def bit(value: float, reference: float, low: float, high: float) -> Bit | None:
    """Lay `value` and `reference` on [low, high]; `None` where that range is empty."""
    if not low < high:
        return None
    axis = Axis(low, high, 4.0, _BIT_WIDTH - 8.0)
    return Bit(*(f"{axis.at(min(max(v, low), high)):.1f}" for v in (value, reference)))


@dataclass(frozen=True)
class Ruler:
    """Progress on a ruler: how far (per cent), its marks (place, end in pixels), and the three labels."""

    ident: str
    title: str
    finding: str
    now: str
    marks: tuple[tuple[str, int], ...]
    start: str
    here: str
    end: str


def ruler(
    ident: str, title: str, done: float, whole: float, labels: tuple[str, str, str], finding: str
) -> Ruler:
    """A ruler of `whole` units (> 0) with `done` of them used; labels for its start, now and its end."""
    part = min(max(done / whole, 0.0), 1.0)
    cells = int(whole) if whole <= 40 and float(whole).is_integer() else 40
    marks = tuple((percent(100 * k / cells), _mark_end(k, cells)) for k in range(cells + 1))
    start, here, end = labels
    return Ruler(
        ident,
        title,
        finding,
        percent(100 * part),
        marks,
        start if part > 0.12 else "",
        here,
        end if part < 0.82 else "",
    )


def _mark_end(index: int, cells: int) -> int:
    if index in (0, cells) or (cells % 4 == 0 and index % (cells // 4) == 0):
        return 24
    return 20 if cells <= 12 or index % 2 == 0 else 17


@dataclass(frozen=True)
class StripPart:
    """One outcome of a strip: how many, its colour class, place and width."""

    status: str
    count: int
    tone: str
    x: str
    width: str


@dataclass(frozen=True)
class Strip:
    """Outcomes as one bar of shares."""

    ident: str
    title: str
    finding: str
    parts: tuple[StripPart, ...]


def outcome_strip(ident: str, title: str, counts: Mapping[str, int]) -> Strip | None:
    """Lay out the counts of outcomes, in the record's order; `None` where there are none."""
    present = [(status, counts[status]) for status in STATUSES if counts.get(status)]
    total = sum(number for _, number in present)
    if not total:
        return None
    gap = 0.25
    room = 100 - gap * (len(present) - 1)
    parts, place = [], 0.0
    for status, number in present:
        width = room * number / total
        parts.append(StripPart(status, number, status_tone(status), percent(place), percent(width)))
        place += width + gap
    words = ", ".join(f"{status} {formats.count(number)}" for status, number in present)
    return Strip(ident, title, f"{words}.", tuple(parts))


@dataclass(frozen=True)
class PanelRow:
    """One choice: its words, probability before and uniform, and where they lie."""

    label: str
    probability: float
    uniform: float
    width: str
    tick: str
    y: int


@dataclass(frozen=True)
class Panel:
    """The choices of one decision, on a scale shared with its sister panels; `drop`: how far bars lie below words."""

    ident: str
    name: str
    height: int
    finding: str
    rows: tuple[PanelRow, ...]
    drop: int = 0


def prior_panels(
    ident: str, decisions: Mapping[str, Sequence[tuple[str, float, float]]]
) -> tuple[Panel, ...]:
    """Panels of (choice, probability, uniform probability) by decision, all on one scale from zero."""
    decisions = {name: rows for name, rows in decisions.items() if rows}
    highest = max((max(p, u) for rows in decisions.values() for _, p, u in rows), default=1.0) or 1.0
    axis = Axis(0.0, highest * 1.08, 0.0, _SPAN)
    return tuple(
        _panel(f"{ident}-{index}", name, rows, axis) for index, (name, rows) in enumerate(decisions.items())
    )


def _panel(ident: str, name: str, rows: Sequence[tuple[str, float, float]], axis: Axis) -> Panel:
    """Where a word is longer than its place, the bars of the panel lie below the words: names are never cut."""
    drop = _DROP if any(len(label) > _LETTERS for label, _, _ in rows) else 0
    step = _ROW_HEIGHT + drop
    return Panel(
        ident=ident,
        name=name,
        height=step * len(rows) + 2,
        finding=_panel_words(name, rows),
        rows=tuple(
            PanelRow(label, p, u, percent(axis.at(p)), percent(_LABEL + axis.at(u)), step * row)
            for row, (label, p, u) in enumerate(rows)
        ),
        drop=drop,
    )


def _panel_words(name: str, rows: Sequence[tuple[str, float, float]]) -> str:
    return f"{name}: " + ", ".join(f"{label} {p:.2f} (uniform {u:.2f})" for label, p, u in rows) + "."


@dataclass(frozen=True)
class GrowthBar:
    """One period: its first day, counts, and two stacked bars (place, width; top and height in pixels)."""

    first: date
    ok: int
    other: int
    failed: int
    x: str
    width: str
    rest: tuple[str, str]
    fail: tuple[str, str]
    label: str


@dataclass(frozen=True)
class Growth:
    """Experiences per period, stacked: those that did not fail, and those that did."""

    ident: str
    period: str
    finding: str
    bars: tuple[GrowthBar, ...]
    y_ticks: tuple[Tick, ...]


def growth_chart(ident: str, period: str, rows: Sequence[tuple[date, int, int, int]]) -> Growth | None:
    """Lay out (first day, ok, other, failed) per period; `None` with fewer than three or without rows."""
    highest = max((ok + other + failed for _, ok, other, failed in rows), default=0)
    if len(rows) < 3 or not highest:
        return None
    y = Axis(0.0, highest * 1.08, 146.0, -118.0)
    step = 93.0 / len(rows)
    every = max(1, -(-len(rows) // 6))
    bars = []
    for index, (first, ok, other, failed) in enumerate(rows):
        middle, top = y.at(ok + other), y.at(ok + other + failed)
        label = f"{first.day} {first:%b}" if index % every == 0 else ""
        rest, fail = (
            (f"{middle:.1f}", f"{146 - middle:.1f}"),
            (f"{top:.1f}", f"{max(middle - top - 1, 0):.1f}"),
        )
        bars.append(
            GrowthBar(
                first, ok, other, failed, percent(7 + index * step), percent(step * 0.66), rest, fail, label
            )
        )
    ticks = tuple(
        Tick(f"{y.at(v):.1f}", formats.figure(v)) for v in round_values(0, highest * 1.08, 3) if v >= 1
    )
    total, failed = sum(b.ok + b.other + b.failed for b in bars), sum(b.failed for b in bars)
    finding = (
        f"{len(rows)} {period}s; {formats.count(total)} experiences, {formats.count(failed)} of them failed."
    )
    return Growth(ident, period, finding, tuple(bars), ticks)
