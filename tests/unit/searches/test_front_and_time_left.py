"""What a search's report works out from its trials, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledgebase.core.fronts import cheapest_places
from knowledgebase.searches.models import Search, Trial
from knowledgebase.searches.selectors import best_trial, front_of, time_left

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def trial(number: int, score: float | None, seconds: float | None = 1.0) -> Trial:
    return Trial(number=number, score=score, seconds=seconds, state="done", status="ok", method="linear")


def spent(number: int, seconds: float, state: str = "done") -> Trial:
    started = NOW - timedelta(seconds=seconds)
    return Trial(number=number, state=state, started_at=started, finished_at=NOW if state == "done" else None)


def test_front_runs_from_quick_to_good() -> None:
    front = front_of([trial(1, 0.9, 30.0), trial(2, 0.5, 1.0), trial(3, 0.4, 2.0), trial(4, 0.7, 5.0)])
    assert [point.trial for point in front] == [2, 4, 1]


def test_a_trial_without_score_is_never_on_the_front() -> None:
    assert front_of([trial(1, None), trial(2, 0.5, None)]) == ()


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0.001, 1e5)), min_size=1, max_size=30),
)
def test_nothing_dominates_the_front_and_the_front_dominates_the_rest(
    results: list[tuple[float, float]],
) -> None:
    front = front_of([trial(number, *result) for number, result in enumerate(results, start=1)])
    for score, seconds in results:
        assert any(point.score >= score and point.seconds <= seconds for point in front)
    for one in front:
        assert not any(
            (score > one.score and seconds <= one.seconds) or (score >= one.score and seconds < one.seconds)
            for score, seconds in results
        )


def costing(number: int, score: float | None, seconds: float, memory: int | None, weights: int = 5) -> Trial:
    made = trial(number, score, seconds)
    made.memory_bytes, made.trainable_parameters = memory, weights
    return made


COSTING = [
    costing(1, 0.9, 30.0, 900, 50),
    costing(2, 0.5, 1.0, 400, 70),
    costing(3, 0.8, 40.0, 300, 60),
    costing(4, 0.95, 50.0, None, 1),
    costing(5, None, 0.5, 1, 1),
]


@pytest.mark.parametrize(
    ("objectives", "front", "best"),
    [
        (["score"], [4], 4),
        (["seconds"], [2], 2),
        (["memory_bytes"], [3], 3),
        (["trainable_parameters"], [4], 4),
        (["energy_j"], [], 4),
        (["score", "memory_bytes"], [3, 1], 4),
        (["memory_bytes", "score"], [3, 1], 4),
        (["seconds", "memory_bytes"], [2, 3], 2),
        (["memory_bytes", "seconds"], [3, 2], 3),
        (["score", "seconds", "memory_bytes"], [2, 1, 3], 4),
    ],
)
def test_front_and_best_go_by_the_objectives(objectives: list[str], front: list[int], best: int) -> None:
    assert [point.trial for point in front_of(COSTING, objectives)] == front
    found = best_trial(COSTING, objectives)
    assert found is not None
    assert found.number == best


rows = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.tuples(*[st.integers(0, 3)] * width), min_size=1, max_size=12)
)


@given(rows)
def test_the_cheapest_are_those_that_nobody_beats(costs: list[tuple[int, ...]]) -> None:
    def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
        return one != other and all(a <= b for a, b in zip(one, other, strict=True))

    kept = [costs[place] for place in cheapest_places(costs)]
    assert kept == sorted({row for row in costs if not any(beats(one, row) for one in costs)})


def test_of_equal_scores_the_quicker_is_best() -> None:
    best = best_trial([trial(1, 0.8, 9.0), trial(2, 0.8, 3.0), trial(3, None)])
    assert best is not None
    assert best.number == 2


def test_no_estimate_before_a_trial_has_ended() -> None:
    search = Search(budget_trials=4, slots=1, state="running", started_at=NOW)
    assert time_left(search, [spent(1, 3.0, "running")], NOW) is None


def test_estimate_counts_what_waits_and_what_runs_over_the_slots() -> None:
    search = Search(budget_trials=4, slots=2, state="running", started_at=NOW)
    trials = [spent(1, 10.0), spent(2, 4.0, "running")]
    assert time_left(search, trials, NOW) == (2 * 10.0 + 6.0) / 2


def test_estimate_never_exceeds_the_budget_of_seconds_by_more_than_a_trial() -> None:
    search = Search(
        budget_trials=100,
        budget_seconds=60.0,
        slots=1,
        state="running",
        started_at=NOW - timedelta(seconds=50),
    )
    assert time_left(search, [spent(1, 10.0)], NOW) == 20.0


def test_nothing_is_left_of_a_finished_search() -> None:
    assert time_left(Search(state="done", budget_trials=1), [], NOW) == 0.0
