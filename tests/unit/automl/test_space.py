"""The space: what belongs to it, uniform draws, the unit cube and back, narrower spaces, JSON and
ConfigSpace.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.errors import SpaceError
from automl.space import (
    Choice,
    Flag,
    Integer,
    Method,
    Parameter,
    Real,
    Space,
    from_configspace,
    to_configspace,
)
from automl.spaces import tunelore
from automl.values import Pipeline

SPACE = tunelore(["package:a@1", "package:b@1#layers=2"])


@st.composite
def parameters(draw: st.DrawFn) -> Parameter:
    kind = draw(st.sampled_from(["real", "integer", "choice", "flag"]))
    log = draw(st.booleans())
    if kind == "real":
        low = draw(st.floats(1e-6, 1e3) if log else st.floats(-1e3, 1e3))
        return Real(low, low + draw(st.floats(1e-3, 1e3)), log)
    if kind == "integer":
        start = draw(st.integers(1, 50) if log else st.integers(-50, 50))
        return Integer(start, start + draw(st.integers(1, 200)), log)
    if kind == "choice":
        options = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False))
        apart = lambda value: (isinstance(value, bool), value)  # noqa: E731
        return Choice(tuple(draw(st.lists(options, min_size=1, max_size=5, unique_by=apart))))
    return Flag()


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    names = draw(st.lists(st.text("abc", min_size=1), min_size=1, max_size=3, unique=True))
    inner = st.dictionaries(st.text("xyz", min_size=1), parameters(), max_size=4)
    methods = tuple(Method(name, draw(inner), draw(st.booleans())) for name in names)
    return Space(
        "drawn", methods, tuple(draw(st.lists(st.text(min_size=1), min_size=1, max_size=3, unique=True)))
    )


@given(spaces(), st.integers(0, 2**32 - 1))
def test_what_is_drawn_belongs_and_survives_the_unit_cube(space: Space, seed: int) -> None:
    pipelines = space.sample(np.random.default_rng(seed), 5)
    assert [space.reasons(pipeline) for pipeline in pipelines] == [[]] * 5
    units = space.encode(pipelines)
    assert units.shape == (5, len(space.columns))
    assert np.nanmin(units) >= 0
    assert np.nanmax(units) <= 1
    for again, pipeline in zip(space.decode(units), pipelines, strict=True):
        assert close(again, pipeline)


def close(one: Pipeline, other: Pipeline) -> bool:
    """The same choice, reals up to their six digits."""
    if (one.method, one.language_model) != (other.method, other.language_model):
        return False
    return all(
        value == other.hyperparameters[name]
        or value == pytest.approx(other.hyperparameters[name], rel=1e-5, abs=1e-8)
        for name, value in one.hyperparameters.items()
    )


@given(spaces())
def test_a_space_survives_json_data(space: Space) -> None:
    assert Space.from_dict(space.to_dict()) == space


@given(parameters(), st.floats(0, 1))
def test_parameters_map_both_ways(parameter: Parameter, unit: float) -> None:
    value = parameter.from_unit(unit)
    assert parameter.reason(value) is None
    again = parameter.from_unit(parameter.to_unit(value))
    assert again == value or again == pytest.approx(value, rel=1e-5, abs=1e-8)
    assert len(parameter.labels()) == len(parameter.bounds()) - 1
    assert parameter.bounds()[0] == 0
    assert parameter.bounds()[-1] == 1


def test_draws_of_the_shipped_space_come_back_exactly() -> None:
    pipelines = SPACE.sample(np.random.default_rng(0), 500)
    assert SPACE.decode(SPACE.encode(pipelines)) == pipelines


def test_inactive_decisions_are_nan() -> None:
    [units] = SPACE.encode(
        [item for item in SPACE.sample(np.random.default_rng(0), 50) if item.method == "linear"][:1]
    )
    active = [column for column, value in zip(SPACE.columns, units, strict=True) if not np.isnan(value)]
    assert active == ["method", *(column for column in SPACE.columns if column.startswith("linear."))]


def test_draws_are_uniform() -> None:
    pipelines = SPACE.sample(np.random.default_rng(0), 5000)
    methods = Counter(item.method for item in pipelines)
    assert all(abs(count / 5000 - 0.2) < 0.03 for count in methods.values())
    rates = [
        item.hyperparameters["learning_rate"] for item in pipelines if item.method in ("full", "partial")
    ]
    below = sum(float(rate or 0) < (1e-5 * 1e-3) ** 0.5 for rate in rates) / len(rates)
    assert abs(below - 0.5) < 0.03
    models = Counter(item.language_model for item in pipelines)
    assert models[None] == methods["linear"]
    assert abs(models["package:a@1"] - models["package:b@1#layers=2"]) < 300


def full(**changes: Any) -> Pipeline:
    values: dict[str, Any] = {
        "learning_rate": 1e-4,
        "epochs": 2,
        "batch_size": 8,
        "max_length": 32,
        "warmup_share": 0.1,
        "weight_decay": 0.0,
        "class_weights": True,
        **changes,
    }
    return Pipeline("full", {k: v for k, v in values.items() if v != "absent"}, "package:a@1")


@pytest.mark.parametrize(
    ("pipeline", "word"),
    [
        (full(learning_rate=1.0), "learning_rate must lie in [1e-05, 0.001], got 1.0"),
        (full(learning_rate=float("nan")), "learning_rate must lie in"),
        (full(learning_rate="fast"), "must be a number, got 'fast'"),
        (full(epochs=2.5), "whole number, got 2.5"),
        (full(epochs=True), "whole number, got True"),
        (full(batch_size=7), "must be one of [8, 16, 32], got 7"),
        (full(class_weights=1), "true or false, got 1"),
        (full(epochs="absent"), "full.epochs is missing"),
        (full(speed=1), "full has no parameter 'speed'"),
        (Pipeline("magic"), "method must be one of"),
        (Pipeline("full", full().hyperparameters, "package:c@1"), "language model must be one of"),
        (Pipeline("full", full().hyperparameters), "language model must be one of"),
        (Pipeline("linear", {}, "package:a@1"), "linear takes no language model"),
    ],
)
def test_what_does_not_belong_is_told_why(pipeline: Pipeline, word: str) -> None:
    assert SPACE.contains(full())
    assert not SPACE.contains(pipeline)
    assert word in "; ".join(SPACE.reasons(pipeline))
    with pytest.raises(SpaceError, match="pipeline 0 is outside"):
        SPACE.encode([pipeline])


def test_decode_refuses_what_is_no_unit() -> None:
    with pytest.raises(SpaceError, match="shape"):
        SPACE.decode(np.zeros((2, 3)))
    with pytest.raises(SpaceError, match=r"\[0, 1\]"):
        SPACE.decode(np.full((1, len(SPACE.columns)), 2.0))


def test_restrict() -> None:
    small = SPACE.restrict(
        methods=["full"], language_models=["package:a@1"], parameters={"full.epochs": Integer(2, 3)}
    )
    pipelines = small.sample(np.random.default_rng(0), 50)
    assert {item.method for item in pipelines} == {"full"}
    assert {item.hyperparameters["epochs"] for item in pipelines} == {2, 3}
    assert all(SPACE.contains(item) for item in pipelines)
    assert SPACE.restrict(methods=["linear"], language_models=[]).language_models == ()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"methods": ["magic"]}, "magic"),
        ({"methods": []}, "no method"),
        ({"language_models": ["package:c@1"]}, "package:c@1"),
        ({"language_models": []}, "need a language model"),
        ({"parameters": {"full.epochs": Integer(1, 9)}}, "narrower"),
        ({"parameters": {"full.speed": Flag()}}, "full.speed"),
        ({"parameters": {"full.epochs": {"low": 2, "high": 3}}}, "must become a parameter such as Integer"),
    ],
)
def test_restrict_says_what_is_wrong(change: dict[str, Any], word: str) -> None:
    with pytest.raises(SpaceError, match=word):
        SPACE.restrict(**change)


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ((), [], "must be an object"),
        (("methods",), "all", "methods must be a list"),
        (("methods",), [], "no method"),
        (("methods", 0), 5, "methods.0"),
        (("methods", 0, "parameters"), [], "methods.0.parameters"),
        (("methods", 0, "parameters", "epochs"), {"type": "magic"}, "methods.0.parameters.epochs.*magic"),
        (("methods", 0, "parameters", "epochs"), {"type": "integer", "low": 1}, "no 'high'"),
        (("methods", 0, "parameters", "epochs"), {"type": "integer", "low": 3, "high": 1}, "low < high"),
        (("methods", 0, "parameters", "epochs"), {"type": "integer", "low": 0.5, "high": 1}, "whole"),
        (
            ("methods", 0, "parameters", "epochs"),
            {"type": "real", "low": 0, "high": 1, "log": True},
            "low > 0",
        ),
        (("methods", 0, "parameters", "epochs"), {"type": "real", "low": "a", "high": 1}, "finite"),
        (("methods", 0, "parameters", "epochs"), {"type": "choice", "options": "ab"}, "list"),
        (("methods", 0, "parameters", "epochs"), {"type": "choice", "options": []}, "at least one"),
        (("methods", 0, "parameters", "epochs"), {"type": "choice", "options": [1, 1.0]}, "differ"),
        (("language_models",), [1], "language_models"),
        (("language_models",), ["a", "a"], "differ"),
    ],
)
def test_malformed_data_is_named_by_place(path: tuple[Any, ...], value: object, word: str) -> None:
    data: Any = copy.deepcopy(SPACE.to_dict())
    if not path:
        data = value
    else:
        inner = data
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
    with pytest.raises(SpaceError, match=word):
        Space.from_dict(data)


def test_configspace_there_and_back() -> None:
    pytest.importorskip("ConfigSpace")
    foreign = to_configspace(SPACE)
    assert from_configspace(foreign) == SPACE
    [drawn] = [foreign.sample_configuration()]
    method = str(drawn["method"])
    values = {name.split(":")[1]: drawn[name] for name in drawn if name.startswith(f"{method}:")}
    model = str(drawn["language_model"]) if "language_model" in drawn else None
    plain = {name: value.item() if hasattr(value, "item") else value for name, value in values.items()}
    assert SPACE.reasons(Pipeline(method, plain, model)) == []


def test_a_foreign_configspace_is_refused() -> None:
    library = pytest.importorskip("ConfigSpace")
    with pytest.raises(SpaceError, match="'method'"):
        from_configspace(library.ConfigurationSpace(space={"x": (0.0, 1.0)}))
    odd = library.ConfigurationSpace(space={"method": ["a"], "b:x": (0.0, 1.0)})
    with pytest.raises(SpaceError, match="b:x"):
        from_configspace(odd)


def test_importing_the_library_needs_numpy_only() -> None:
    code = (
        "import sys, automl.engine, automl.testing;"
        "heavy = {'torch', 'transformers', 'scipy', 'sklearn', 'ConfigSpace', 'optuna', 'django'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
