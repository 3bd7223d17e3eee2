"""Runs on a fraction of the training rows: whatever the method, judged on the same rows as any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from automl.runners.base import TrialSpec
from automl.runners.execute import execute, read
from automl.values import TRAIN_FRACTION
from tests.best_script import said_by_script

MakeSpec = Callable[..., TrialSpec]


def cut(make_spec: MakeSpec, method: str, fraction: object, **more: object) -> TrialSpec:
    return make_spec(method, changes={TRAIN_FRACTION: fraction}, **more)


def test_only_training_rows_are_cut_and_a_limit_of_rows_comes_first(make_spec: MakeSpec) -> None:
    whole, limited = read(make_spec("linear")), read(make_spec("linear", train_rows=40))
    third, of_limited = (
        read(cut(make_spec, "linear", 1 / 3)),
        read(cut(make_spec, "linear", 0.25, train_rows=40)),
    )
    for one in (limited, third, of_limited):
        assert (one.validation, one.test, one.labels) == (whole.validation, whole.test, whole.labels)
    assert len(third.train) == round(len(whole.train) / 3)
    assert len(of_limited.train) == 10
    assert set(of_limited.train.texts) < set(limited.train.texts)
    assert sorted(set(of_limited.train.labels)) == ["cooking", "sailing"]
    assert read(cut(make_spec, "linear", 1)) == whole == read(cut(make_spec, "linear", 1.0))


def test_a_share_of_the_reference_and_a_fraction_multiply(make_spec: MakeSpec) -> None:
    spec = make_spec("full", changes={TRAIN_FRACTION: 0.5, "data_downsize": "1/4"}, train_rows=40)
    assert len(read(spec).train) == 5


def test_the_seed_of_a_run_does_not_choose_its_rows(make_spec: MakeSpec) -> None:
    spec = cut(make_spec, "linear", 0.2)
    assert read(spec) == read(replace(spec, seed=99))


@pytest.mark.parametrize("wrong", [0, -1, 1.01, "1/9", True, None, float("nan")])
def test_what_is_no_fraction_ends_the_run_with_place_and_value(make_spec: MakeSpec, wrong: object) -> None:
    result = execute(cut(make_spec, "linear", wrong))
    assert (result.status, result.exception) == ("error", "SourceError")


@pytest.mark.parametrize("method", ["linear", pytest.param("full", marks=pytest.mark.training)])
@pytest.mark.filterwarnings("default:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_a_model_of_a_third_of_the_rows(make_spec: MakeSpec, method: str) -> None:
    whole, third = (execute(cut(make_spec, method, share)) for share in (1, 1 / 3))
    assert (whole.status, third.status) == ("ok", "ok")
    rows = whole.fidelity["train_rows"]
    assert third.fidelity["train_rows"] == round(rows / 3)
    assert third.primary is not None
    assert 0 < third.primary["value"] <= 1
    if method == "full":
        assert third.cost["steps"] < whole.cost["steps"] / 2
        assert third.fidelity["epochs"] == whole.fidelity["epochs"]


@pytest.mark.training
@pytest.mark.parametrize("method", ["probe", "partial"])
def test_other_methods_honour_it_too(make_spec: MakeSpec, method: str) -> None:
    spec = cut(make_spec, method, 0.5)
    result = execute(spec)
    assert (result.status, result.exception) == ("ok", None)
    assert result.fidelity["train_rows"] == len(read(spec).train) < len(read(make_spec(method)).train)


def test_the_script_takes_the_same_rows(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = cut(make_spec, "linear", 0.2)
    _, said = said_by_script(spec, tmp_path)
    result, whole = execute(spec), execute(make_spec("linear"))
    assert result.primary is not None
    assert whole.primary is not None
    assert abs(said - result.primary["value"]) <= 1e-6
    assert result.cost["trainable_parameters"] < whole.cost["trainable_parameters"]
