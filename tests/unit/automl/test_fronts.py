"""Fronts, crowding and hypervolume on arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.fronts import costs_of, crowding, dominates, fronts, hypervolume
from automl.values import SCORE, SECONDS, Outcome, Pipeline

points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12)


@given(points)
def test_fronts_part_the_points(drawn: list[tuple[int, int]]) -> None:
    costs = np.array(drawn, dtype=float)
    layers = fronts(costs)
    assert sorted(row for layer in layers for row in layer) == list(range(len(costs)))
    over = dominates(costs)
    for depth, layer in enumerate(layers):
        assert not over[np.ix_(layer, layer)].any()
        if depth:
            assert over[np.ix_(layers[depth - 1], layer)].any(axis=0).all()


def test_no_points_no_fronts() -> None:
    assert fronts(np.zeros((0, 2))) == []


def test_costs_turn_the_score_and_mark_what_is_missing() -> None:
    pipeline = Pipeline("m")
    told = [
        Outcome(1, pipeline, "ok", None, 0.7, 3.0),
        Outcome(2, pipeline, "ok", None, 0.7, None),
        Outcome(3, pipeline, "oom", "host", None, 3.0),
    ]
    assert costs_of(told, [SCORE, SECONDS]).tolist() == [
        [-0.7, 3.0],
        [-0.7, float("inf")],
        [float("inf"), float("inf")],
    ]


def test_crowding_is_the_gap_between_the_neighbours() -> None:
    found = crowding(np.array([[0.0, 10.0], [1.0, 6.0], [4.0, 0.0], [3.0, 3.0]]))
    assert found.tolist() == [np.inf, 3 / 4 + 7 / 10, np.inf, 3 / 4 + 6 / 10]
    assert crowding(np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]))[1] == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 50)), max_size=8))
def test_hypervolume_is_the_dominated_share(drawn: list[tuple[float, float]]) -> None:
    found = hypervolume([score for score, _ in drawn], [spent for _, spent in drawn], limit_s=40.0)
    grid = (np.arange(200) + 0.5) / 200
    reached = np.zeros(200)
    for score, spent in drawn:
        reached = np.maximum(reached, np.where(grid * 40.0 > spent, score, 0.0))
    assert found == pytest.approx(reached.mean(), abs=0.04)


def test_hypervolume_by_hand() -> None:
    assert hypervolume([0.5, 0.8, 0.9], [10.0, 20.0, 50.0], limit_s=40.0) == pytest.approx((15 + 6) / 40)
    assert hypervolume([], [], limit_s=40.0) == 0
    with pytest.raises(ValueError, match="positive"):
        hypervolume([0.5], [1.0], limit_s=0)
