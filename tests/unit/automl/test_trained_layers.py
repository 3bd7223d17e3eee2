"""How deep a training goes is read under every name that people give it."""

from __future__ import annotations

import pytest

from automl.estimators.feasibility.needs import MEMORY, TIME, memory_parts, time_parts
from automl.estimators.features import frozen_share
from automl.values import Pipeline, TaskView

FACTS = {"m": {"parameters": 1.1e8, "layers": 12.0, "hidden_size": 768.0}}
VIEW = TaskView("task", {"mean_length": 200.0}, train_rows=1000)
COMMON = {"epochs": 2, "batch_size": 16, "max_length": 128}


def parts(**values: object) -> tuple[dict[str, float], dict[str, float]]:
    pipeline = Pipeline("partial", {**COMMON, **values}, "m")
    memory = dict(zip(MEMORY, memory_parts(pipeline, VIEW, FACTS), strict=True))
    return memory, dict(zip(TIME, time_parts(pipeline, VIEW, FACTS), strict=True))


@pytest.mark.parametrize(
    "values",
    [
        {"num_trainable_layers": 3}, {"trainable_layers": 3}, {"unfrozen_layers": 3}, {"frozen_layers": 9},
        {"num_frozen_layers": 9},
    ],
)  # fmt: skip
def test_each_name_means_the_same_memory_and_time(values: dict[str, object]) -> None:
    assert parts(**values) == parts(frozen_share=0.75)


def test_fewer_layers_take_less_memory_and_time() -> None:
    found = [parts(num_trainable_layers=count) for count in (1, 4, 12)]
    for name in ("training", "activations"):
        assert found[0][0][name] < found[1][0][name] < found[2][0][name]
    assert found[0][1]["training"] < found[1][1]["training"] < found[2][1]["training"]


@pytest.mark.parametrize(
    ("count", "share"), [(64, 0.0), (0, 1.0), (-3, 1.0), (float("nan"), 0.0), (True, 0.0)]
)
def test_more_layers_than_there_are_is_all_of_them(count: float, share: float) -> None:
    assert frozen_share({"num_trainable_layers": count}, 12.0) == share
