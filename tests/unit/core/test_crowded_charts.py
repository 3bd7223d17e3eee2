"""Words in drawings: whole, and none on top of another or of a dot."""

from __future__ import annotations

import math

import pytest

from knowledgebase.core import charts


def test_a_name_that_is_longer_than_its_place_stands_above_its_bar_and_whole() -> None:
    long = "an-encoder-with-a-long-name, layers=4"
    short, tall = charts.prior_panels(
        "p", {"method": [("full", 0.5, 0.5)], "language model": [(long, 0.7, 0.5), ("tiny", 0.3, 0.5)]}
    )
    assert (short.drop, tall.drop > 0) == (0, True)
    assert [row.label for row in tall.rows] == [long, "tiny"]
    assert tall.rows[1].y - tall.rows[0].y > tall.drop
    assert tall.height >= tall.rows[1].y + tall.drop + 20


@pytest.mark.parametrize(
    ("seconds", "hidden"), [([1.0, 10.0, 100.0], []), ([1.0, 1.02, 1.04, 100.0], ["1", "2"])]
)
def test_numbers_on_the_front_give_way_on_a_phone(seconds: list[float], hidden: list[str]) -> None:
    """The slower of two that would cover each other keeps its number: it scores higher."""
    points = [charts.Point(n, "full", 0.5 + 0.001 * n, one) for n, one in enumerate(seconds)]
    points.append(charts.Point(9, "full", 0.9, 500.0))
    chart = charts.front_chart("f", points, {}, "score")
    assert chart is not None
    assert [mark.place for mark in chart.marks if mark.wide] == hidden


def test_the_words_of_a_task_do_not_lie_on_the_next_dot() -> None:
    spots = {
        "right": (10.0, 0.0),
        "left": (-10.0, 0.0),
        "one": (0.0, 0.0),
        "next": (0.6, 0.0),
        "up": (0.0, 5.0),
    }
    far = [[math.dist(one, other) for other in spots.values()] for one in spots.values()]
    drawn = charts.plane("p", "Tasks", [(name, "#") for name in spots], far)
    assert drawn is not None
    on_left = {place.label: place.end for place in drawn.places}
    assert (on_left["one"], on_left["next"]) == (True, False)
    assert (on_left["left"], on_left["right"]) == (False, True), "at the edges inwards"
