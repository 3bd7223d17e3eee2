"""The geometry of a scatter: scales, ties and what it says in words."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from knowledgebase.core.charts import Dot, Scatter, scatter


def drawn(points: list[tuple[float, float]]) -> Scatter:
    dots = [Dot(x, y, "lora", f"{x} {y}", "/") for x, y in points]
    found = scatter("s", ("time", "score"), dots, (lambda v: f"{v:g}", lambda v: f"{v:g}"))
    assert found is not None
    return found


def test_nothing_is_drawn_of_nothing() -> None:
    assert scatter("s", ("a", "b"), [], (str, str)) is None


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)), min_size=1, max_size=20))
@example(points=[(5e-324, 1.0), (1.0, 2.0)])
def test_every_dot_lies_inside(points: list[tuple[float, float]]) -> None:
    for one in drawn(points).dots:
        assert 9 <= float(one.x.rstrip("%")) <= 98
        assert 26 <= float(one.y) <= 250


def test_more_is_to_the_right_and_up() -> None:
    first, second = drawn([(1, 0.2), (2, 0.9)]).dots
    assert float(first.x.rstrip("%")) < float(second.x.rstrip("%"))
    assert float(first.y) > float(second.y)


def test_many_decades_are_logarithmic() -> None:
    wide, narrow = drawn([(1e-5, 0.1), (1e-2, 0.2)]), drawn([(1, 0.1), (3, 0.2)])
    assert wide.x_title == "time, log scale"
    assert [tick.label for tick in wide.x_ticks] == ["1e-05", "0.0001", "0.001", "0.01"]
    assert narrow.x_title == "time"


def test_an_axis_that_may_not_be_logarithmic_is_not() -> None:
    dots = [Dot(1e-5, 0.001, "lora", "", "/"), Dot(1e-2, 0.9, "lora", "", "/")]
    words = (lambda v: f"{v:g}", lambda v: f"{v:g}")
    found = scatter("s", ("rate", "score"), dots, words, may_be_log=(True, False))
    assert found is not None
    assert (found.x_title, found.y_title) == ("rate, log scale", "score")


@pytest.mark.parametrize(
    ("ys", "told"),
    [(range(8), "+1.00"), (range(8, 0, -1), "-1.00"), ([1, 1, 2, 2, 3, 3, 4, 4], "+0.98")],
)
def test_rank_correlation(ys: list[float], told: str) -> None:
    assert drawn([(float(x), float(y)) for x, y in enumerate(ys)]).finding.endswith(
        f"Rank correlation {told}."
    )


def test_no_correlation_of_few_or_of_what_never_changes() -> None:
    assert "correlation" not in drawn([(1, 2), (2, 3)]).finding
    assert "correlation" not in drawn([(x, 1.0) for x in range(9)]).finding
