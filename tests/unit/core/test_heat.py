"""Heat maps and planes: what lies near is dark and close, and words do not cross."""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from knowledgebase.core.charts import heat_map, plane

LABELS = [(name, f"/{name}/") for name in ("a", "b", "c", "d")]
PLACES = [(0.0, 0.0), (1.0, 0.0), (5.0, 5.0), (5.2, 5.0)]
FAR = [[math.dist(one, other) for other in PLACES] for one in PLACES]


def test_the_nearest_pair_is_darkest() -> None:
    chart = heat_map("h", "t", LABELS, FAR)
    assert chart is not None
    shades = {
        (row, col): cell.shade for row, line in enumerate(chart.rows) for col, cell in enumerate(line.cells)
    }
    assert shades[2, 3] == shades[3, 2] == "h0"
    assert shades[0, 3] in ("h5", "h6")
    assert [line.cells[row].is_self for row, line in enumerate(chart.rows)] == [True] * 4
    assert "Nearest to each other are c and d (0.2)" in chart.finding
    assert chart.rows[1].address == "/b/"


def test_too_few_tasks_make_no_chart() -> None:
    assert heat_map("h", "t", LABELS[:1], [[0.0]]) is None
    assert plane("p", "t", LABELS[:2], [[0.0, 1.0], [1.0, 0.0]]) is None


def test_a_plane_keeps_the_distances_of_points_in_a_plane() -> None:
    chart = plane("p", "t", LABELS, FAR)
    assert chart is not None
    assert chart.kept == pytest.approx(1)
    xs = {place.label: float(place.x.rstrip("%")) for place in chart.places}
    assert abs(xs["c"] - xs["d"]) < abs(xs["a"] - xs["c"])


def test_words_do_not_cross_where_tasks_fall_together() -> None:
    chart = plane("p", "t", LABELS, [[0.0 if row == col else 1e-9 for col in range(4)] for row in range(4)])
    assert chart is not None
    for one, other in combinations(chart.places, 2):
        beside = abs(float(one.x.rstrip("%")) - float(other.x.rstrip("%"))) < 20
        assert not beside or abs(float(one.words_y) - float(other.words_y)) >= 13.9
