"""What counts as knowledge, and when two pipelines are the same choice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.values import Evidence, Limits, Objective, Outcome, Pipeline

GIB = 2**30
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), st.text()
)
pipelines = st.builds(
    Pipeline,
    st.text(min_size=1),
    st.dictionaries(st.text(), scalars, max_size=5),
    st.none() | st.text(),
    st.none() | st.text(),
)


def evidence(status: str, cause: str | None = None, **more: Any) -> Evidence:
    return Evidence("1", "task", {}, Pipeline("full"), status, cause, **more)


@given(pipelines)
def test_a_pipeline_survives_json_data(pipeline: Pipeline) -> None:
    again = Pipeline.from_dict(pipeline.to_dict())
    assert again == pipeline
    assert again.key() == pipeline.key()
    assert hash(again) == hash(pipeline)
    assert again.space == pipeline.space


def test_one_choice_has_one_key() -> None:
    assert Pipeline("m", {"a": 1, "b": 2.0}).key() == Pipeline("m", {"b": 2, "a": 1.0}, space="other").key()
    keys = {Pipeline("m", {"a": value}).key() for value in (1, True, "1", None, 1.5)}
    assert len(keys) == 5


def test_the_mapping_is_copied() -> None:
    given_values = {"a": 1}
    pipeline = Pipeline("m", given_values)
    given_values["a"] = 2
    assert pipeline.hyperparameters == {"a": 1}


@pytest.mark.parametrize("data", [{}, {"method": "m"}, {"method": "m", "hyperparameters": [1]}])
def test_data_of_another_shape_is_refused(data: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        Pipeline.from_dict(data)


@pytest.mark.parametrize(
    ("own", "asked", "counts"),
    [
        ({"limits": Limits(40)}, Limits(600), False),
        ({"limits": Limits(600)}, Limits(40), True),
        ({"limits": Limits(40)}, Limits(40), True),
        ({"limits": Limits(40)}, Limits(), False),
        ({"seconds": 90.0}, Limits(40), True),
        ({}, Limits(40), False),
    ],
)
def test_a_timeout_counts_under_its_own_limit(own: dict[str, Any], asked: Limits, counts: bool) -> None:
    assert evidence("timeout", **own).is_negative(asked) is counts


@pytest.mark.parametrize(
    ("cause", "own", "asked", "counts"),
    [
        ("host", {"limits": Limits(None, 2 * GIB)}, Limits(None, GIB), True),
        ("host", {"limits": Limits(None, 2 * GIB)}, Limits(None, 4 * GIB), False),
        ("host", {"limits": Limits(None, 2 * GIB)}, Limits(), False),
        ("host", {"system": {"memory_bytes": 8 * GIB}}, Limits(None, 4 * GIB), True),
        ("host", {"memory_bytes": GIB}, Limits(None, 2 * GIB), False),
        ("device", {"limits": Limits(None, 1, 16 * GIB)}, Limits(None, GIB, 8 * GIB), True),
        ("device", {"limits": Limits(None, 64 * GIB, 8 * GIB)}, Limits(None, GIB, 16 * GIB), False),
        ("device", {}, Limits(None, GIB, GIB), False),
    ],
)
def test_out_of_memory_counts_with_as_much_memory(
    cause: str, own: dict[str, Any], asked: Limits, counts: bool
) -> None:
    assert evidence("oom", cause, **own).is_negative(asked) is counts


@pytest.mark.parametrize(
    ("status", "cause", "counts"),
    [
        ("diverged", None, True),
        ("error", "config", True),
        ("error", None, False),
        ("error", "unknown", False),
        ("error", "data", False),
        ("error", "download", False),
        ("error", "disk", False),
        ("killed", "user", False),
        ("killed", "lost", False),
        ("pruned", None, False),
        ("unknown", None, False),
        ("ok", None, False),
    ],
)
def test_who_is_to_blame(status: str, cause: str | None, counts: bool) -> None:
    assert evidence(status, cause).is_negative(Limits()) is counts
    assert Outcome(1, Pipeline("full"), status, cause).is_failure is counts


@pytest.mark.parametrize(
    ("status", "score", "positive"),
    [
        ("ok", 0.0, True),
        ("ok", None, False),
        ("ok", float("nan"), False),
        ("ok", float("inf"), False),
        ("timeout", 0.7, False),
    ],
)
def test_a_success_has_a_score(status: str, score: float | None, positive: bool) -> None:
    assert evidence(status, score=score).is_positive is positive
    assert Outcome(1, Pipeline("full"), status, None, score).is_success is positive


def test_an_objective_has_one_direction() -> None:
    with pytest.raises(ValueError, match="seconds min"):
        Objective("seconds", "max")
