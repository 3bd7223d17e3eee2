"""A heat map of distances, and the same tasks laid out in a plane; it knows no rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledgebase.core.charts.scales import Axis, percent

_LABEL, _CELL_HEIGHT, _TOP = 34.0, 26, 20
SHADES = 7
WORDS_HEIGHT, WORDS_WIDTH = 14.0, 20.0  # pixels and per cent that the name of a task takes
DARK = 2  # the last shade on which light ink reads


@dataclass(frozen=True)
class Cell:
    """One pair: place (per cent), words, shade class "h0" (near) to "h6" (far), ink that reads on it."""

    x: str
    middle: str
    label: str
    shade: str
    ink: str
    is_self: bool


@dataclass(frozen=True)
class HeatRow:
    label: str
    address: str
    y: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class HeatMap:
    """`width` of a cell in per cent; `numbers` stand above the columns."""

    ident: str
    title: str
    finding: str
    height: int
    width: str
    numbers: tuple[tuple[str, int], ...]
    rows: tuple[HeatRow, ...]
    shows_values: bool


def heat_map(
    ident: str, title: str, labels: Sequence[tuple[str, str]], distances: Sequence[Sequence[float]]
) -> HeatMap | None:
    """Lay out (label, address) and their (n, n) distances; `None` with fewer than two."""
    if len(labels) < 2:
        return None
    step = (100.0 - _LABEL) / len(labels)
    edges = _edges(distances)
    rows = tuple(
        HeatRow(
            f"{row + 1}\u2002{label}",
            address,
            _TOP + (_CELL_HEIGHT + 1) * row,
            tuple(
                _cell(column, distances[row][column], row == column, step, edges)
                for column in range(len(labels))
            ),
        )
        for row, (label, address) in enumerate(labels)
    )
    numbers = tuple((percent(_LABEL + step * (index + 0.5)), index + 1) for index in range(len(labels)))
    height = _TOP + (_CELL_HEIGHT + 1) * len(labels)
    return HeatMap(
        ident,
        title,
        _finding(labels, distances),
        height,
        percent(step - 0.3),
        numbers,
        rows,
        len(labels) <= 10,
    )


def _edges(distances: Sequence[Sequence[float]]) -> list[float]:
    """Borders of the shades: parts of equal count, so that one far task does not bleach all others."""
    values = [value for row, line in enumerate(distances) for value in line[row + 1 :]]
    return [float(edge) for edge in np.quantile(values, np.arange(1, SHADES) / SHADES)]


def _cell(column: int, distance: float, is_self: bool, step: float, edges: Sequence[float]) -> Cell:
    shade = sum(distance > edge for edge in edges)  # dark, "h0", is near
    left = _LABEL + step * column
    middle = percent(left + (step - 0.3) / 2)
    return Cell(
        percent(left), middle, f"{distance:.1f}", f"h{shade}", "lo" if shade <= DARK else "hi", is_self
    )


def _finding(labels: Sequence[tuple[str, str]], distances: Sequence[Sequence[float]]) -> str:
    pairs = [
        (distances[row][column], labels[row][0], labels[column][0])
        for row in range(len(labels))
        for column in range(row + 1, len(labels))
    ]
    near, far = min(pairs), max(pairs)
    return (
        f"Nearest to each other are {near[1]} and {near[2]} ({near[0]:.1f}), "
        f"farthest {far[1]} and {far[2]} ({far[0]:.1f})."
    )


@dataclass(frozen=True)
class Place:
    """One task in the plane: per cent and pixels; `end` puts its words on the left of the mark."""

    label: str
    address: str
    x: str
    y: str
    words_y: str
    end: bool


@dataclass(frozen=True)
class Plane:
    """Tasks so that near ones lie near; `kept` is the share of the distances' variance the plane shows."""

    ident: str
    title: str
    finding: str
    height: int
    kept: float
    places: tuple[Place, ...]


def plane(
    ident: str, title: str, labels: Sequence[tuple[str, str]], distances: Sequence[Sequence[float]]
) -> Plane | None:
    """Classical multidimensional scaling (Torgerson, 1952) of (n, n) distances; `None` with fewer than three."""
    if len(labels) < 3:
        return None
    squared = np.asarray(distances, dtype=float) ** 2
    middle = np.eye(len(labels)) - 1 / len(labels)
    values, vectors = np.linalg.eigh(-middle @ squared @ middle / 2)
    order = np.argsort(values)[::-1]
    strong = np.maximum(values[order], 0)
    kept = float(strong[:2].sum() / strong.sum()) if strong.sum() > 0 else 1.0
    points = vectors[:, order[:2]] * np.sqrt(strong[:2])
    # The sign of an eigenvector is arbitrary; fixed here so that the picture stays the same.
    points = points * np.where(points[0] < 0, -1, 1)
    height = 300
    x, y = _spread(points[:, 0], 6.0, 88.0), _spread(points[:, 1], 24.0, height - 48.0)
    spots = [(x.at(first), y.at(second)) for first, second in points.tolist()]
    heights = _apart(spots)
    places = tuple(
        Place(label, address, percent(spot[0]), f"{spot[1]:.1f}", f"{heights[row]:.1f}", _is_left(row, spots))
        for row, ((label, address), spot) in enumerate(zip(labels, spots, strict=True))
    )
    finding = f"The plane shows {kept:.0%} of how the distances vary."
    return Plane(ident, title, finding, height, kept, places)


def _is_left(row: int, spots: Sequence[tuple[float, float]]) -> bool:
    """Whether words stand left of their dot: where the next dot is farther, and at the edges inwards."""
    x, y = spots[row]
    beside = [
        at - x for place, (at, down) in enumerate(spots) if place != row and abs(down - y) < WORDS_HEIGHT
    ]
    room_right = min([one for one in beside if one >= 0], default=100.0)
    room_left = min([-one for one in beside if one < 0], default=100.0)
    usual = x > 55
    if min(room_left, room_right) >= WORDS_WIDTH or not WORDS_WIDTH <= x <= 100 - WORDS_WIDTH:
        return usual
    return room_left > room_right


def _apart(spots: Sequence[tuple[float, float]]) -> list[float]:
    """Heights of the words, from the top down, so that words beside each other do not cross."""
    heights = [y for _, y in spots]
    order = sorted(range(len(spots)), key=lambda row: spots[row][1])
    for place, row in enumerate(order):
        above = [
            heights[other] for other in order[:place] if abs(spots[other][0] - spots[row][0]) < WORDS_WIDTH
        ]
        heights[row] = max([heights[row], *(height + WORDS_HEIGHT for height in above)])
    return heights


def _spread(values: "np.ndarray[tuple[int], np.dtype[np.float64]]", start: float, length: float) -> Axis:
    low, high = float(values.min()), float(values.max())
    return Axis(low, high if high > low else low + 1.0, start, length)
