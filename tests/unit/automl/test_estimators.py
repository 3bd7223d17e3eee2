"""The pool of estimators: one protocol, snapshots without pickle, and what they do with bad input."""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl.errors import EstimatorError
from automl.estimators import snapshots
from automl.estimators.base import KINDS, Estimator, Predictions, learnt, relative_scores
from automl.estimators.feasibility.forecast import view_of
from automl.estimators.pool import BASELINES, ESTIMATORS, fit
from automl.estimators.pool.regressors import fit_logistic, fit_ridge
from automl.estimators.pool.rules import read_rules, shipped
from automl.estimators.pool.trees import fit_boosting, fit_forest
from automl.estimators.reading import STARTER, read_records
from automl.values import Evidence, Limits, Pipeline, TaskView

STORE = read_records([STARTER])
# By name: which task comes first changes with every run that is added.
LEFT_OUT = next(task for task, source in STORE.sources.items() if source == "docstring-library")
OTHERS = [run for run in STORE.runs if run.task != LEFT_OUT]
OWN = [run for run in STORE.runs if run.task == LEFT_OUT]
NEED_RUNS = sorted(set(ESTIMATORS) - {"rules", "random"})
_fitted: dict[str, Estimator] = {}


def fitted(name: str) -> Estimator:
    """Fitted once to all tasks but one."""
    if name not in _fitted:
        _fitted[name] = fit(name, OTHERS, STORE.facts, sources=STORE.sources, seed=3)
    return _fitted[name]


def asked(estimator: Estimator, runs: list[Evidence]) -> Predictions:
    return estimator.predict([run.pipeline for run in runs], [view_of(run) for run in runs])


def columns(found: Predictions) -> list[np.ndarray]:
    names = ("score", "log_seconds", "log_bytes", "kinds", "failure")
    deviations = ("score_deviation", "seconds_deviation", "bytes_deviation", "failure_deviation")
    return [getattr(found, name) for name in (*names, *deviations)]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_predictions_are_finite_and_have_an_uncertainty(name: str) -> None:
    estimator = fitted(name)
    found = asked(estimator, OWN)
    assert isinstance(estimator, Estimator)
    assert estimator.name == name
    assert found.kinds.shape == (len(OWN), len(KINDS))
    assert all(np.isfinite(each).all() and len(each) == len(OWN) for each in columns(found))
    assert ((found.kinds > 0) & (found.kinds < 1)).all()
    deviations = (
        found.score_deviation,
        found.seconds_deviation,
        found.bytes_deviation,
        found.failure_deviation,
    )
    assert all((each > 0).all() for each in deviations)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_snapshot_answers_as_the_estimator_did(name: str, tmp_path: Path) -> None:
    estimator, path = fitted(name), tmp_path / "estimator.npz"
    snapshots.save(estimator, path)
    again = snapshots.load(path)
    for before, after in zip(columns(asked(estimator, OWN)), columns(asked(again, OWN)), strict=True):
        np.testing.assert_array_equal(before, after)
    assert again.fitted_on == estimator.fitted_on
    assert not list(tmp_path.glob("*.part"))


def test_a_snapshot_says_what_it_was_fitted_on() -> None:
    said = fitted("linear").fitted_on
    assert said.runs == len(learnt(OTHERS))
    assert said.successes + said.failures == said.runs
    assert "banking77" in said.sources
    assert LEFT_OUT not in said.tasks
    backwards = fit("mean", OTHERS[::-1], STORE.facts, sources=STORE.sources).fitted_on
    assert backwards == fitted("mean").fitted_on
    assert fit("mean", OTHERS[1:], STORE.facts).fitted_on.digest != said.digest


def test_a_snapshot_holds_no_pickle() -> None:
    with zipfile.ZipFile(io.BytesIO(snapshots.to_bytes(fitted("forest")))) as parts:
        for name in parts.namelist():
            assert name.endswith(".npy")
            assert b"'|O'" not in parts.read(name)[:128]


def changed(content: bytes, **header: Any) -> bytes:
    """The same snapshot with other fields in its header."""
    with np.load(io.BytesIO(content)) as found:
        arrays = {name: found[name] for name in found.files}
    fields = json.loads(arrays["header"].tobytes()) | header
    arrays["header"] = np.frombuffer(json.dumps(fields).encode(), dtype=np.uint8)
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"version": 2}, "version 2, this one reads version 1"),
        ({"format": "other"}, "format is 'other'"),
        ({"data": "{}"}, "damaged"),
        ({"digest": "0"}, "damaged"),
        ({"fitted_on": {}}, "does not hold what its estimator needs"),
    ],
)
def test_a_foreign_snapshot_is_refused(header: dict[str, Any], message: str) -> None:
    with pytest.raises(EstimatorError, match=message):
        snapshots.from_bytes(changed(snapshots.to_bytes(fitted("linear")), **header))


@pytest.mark.parametrize("name", ["forest", "mean", "process"])
def test_no_byte_can_be_changed_without_a_word(name: str) -> None:
    content = snapshots.to_bytes(fitted(name))
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(content), 30):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        try:
            again = snapshots.from_bytes(bytes(damaged))
        except EstimatorError:
            continue
        # A byte of the archive that nothing reads, a date for example: the content is whole.
        np.testing.assert_array_equal(asked(again, OWN[:3]).score, asked(fitted(name), OWN[:3]).score)


def test_half_a_file_and_no_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "half").write_bytes(snapshots.to_bytes(fitted("linear"))[:2000])
    (tmp_path / "text").write_text("not a snapshot")
    for name in ("half", "text", "nothing"):
        with pytest.raises(EstimatorError, match=name):
            snapshots.load(tmp_path / name)


def test_arrays_that_do_not_fit_are_refused() -> None:
    trees = fit_forest(np.random.default_rng(0).normal(size=(30, 3)), np.arange(30.0), 0)
    with pytest.raises(EstimatorError, match="do not fit together"):
        replace(trees, left=trees.left + 10_000).check(3)
    with pytest.raises(EstimatorError, match="more than 1 columns"):
        trees.check(1)


@pytest.mark.parametrize("name", ["forest", "boosting"])
def test_arrays_of_trees_answer_as_scikit_learn_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sklearn.ensemble

    grown: list[Any] = []
    kind = "ExtraTreesRegressor" if name == "forest" else "GradientBoostingRegressor"
    original = getattr(sklearn.ensemble, kind)

    class Kept(original):  # type: ignore[misc, valid-type]
        def fit(self, *given: Any, **named: Any) -> Any:
            grown.append(super().fit(*given, **named))
            return self

    monkeypatch.setattr(sklearn.ensemble, kind, Kept)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 4))
    y = np.sin(x[:, 0]) + x[:, 1] ** 2
    trees = (fit_forest if name == "forest" else fit_boosting)(x, y, 5)
    fresh = rng.normal(size=(50, 4)).astype(np.float32)
    np.testing.assert_allclose(trees.predict(fresh)[0], grown[0].predict(fresh), rtol=1e-6, atol=1e-9)


def test_ridge_finds_slopes_and_knows_how_sure_they_are() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, 2))
    model = fit_ridge(x, 3 * x[:, 0] - 2 + 0.1 * rng.normal(size=400), 0)
    mean, unsure = model.predict(np.array([[1.0, 0.0], [50.0, 50.0]]))
    assert mean[0] == pytest.approx(1.0, abs=0.03)
    assert unsure[1] > 10 * unsure[0]


def test_logistic_knows_chances() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(800, 1))
    y = (rng.random(800) < 1 / (1 + np.exp(-2 * x[:, 0]))).astype(float)
    chance, _ = fit_logistic(x, y, 0).predict(np.array([[-1.0], [0.0], [1.0]]))
    np.testing.assert_allclose(chance, 1 / (1 + np.exp([2.0, 0.0, -2.0])), atol=0.08)


def test_estimators_know_more_than_chance_on_a_task_never_seen() -> None:
    late = np.array([run.status == "timeout" for run in OWN])
    for name in ("linear", "forest", "process"):
        found = asked(fitted(name), OWN)
        assert found.failure[late].mean() > 0.4 > found.failure[~late].mean()
        good = [place for place, run in enumerate(OWN) if run.is_positive]
        wrong = found.log_seconds[good] - np.log([OWN[place].seconds or 1.0 for place in good])
        assert np.abs(wrong).mean() < 0.5


def test_an_unknown_estimator_is_named() -> None:
    with pytest.raises(EstimatorError, match="'magic' is unknown; use one of random, mean"):
        fit("magic", OTHERS, STORE.facts)


def test_baselines_are_in_the_pool() -> None:
    assert set(BASELINES) < set(ESTIMATORS)


@pytest.mark.parametrize("name", NEED_RUNS)
def test_nothing_to_learn_from_is_an_error(name: str) -> None:
    killed = [replace(run, status="killed", cause="user") for run in OTHERS]
    for runs in ([], killed):
        with pytest.raises(EstimatorError, match="none"):
            fit(name, runs, STORE.facts)


@pytest.mark.parametrize("name", ["rules", "random"])
def test_two_estimators_need_no_run(name: str) -> None:
    assert np.isfinite(asked(fit(name, [], STORE.facts), OWN).failure).all()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_task_without_neighbours(name: str) -> None:
    """Only its own runs are known, and nothing describes it."""
    lonely = [replace(run, metafeatures={}) for run in OWN]
    found = asked(fit(name, lonely, {}), [replace(run, task="another", metafeatures={}) for run in OWN])
    assert all(np.isfinite(each).all() for each in columns(found))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_all_neighbours_failed(name: str) -> None:
    """Nothing is said of scores, all of failing."""
    dead = [replace(run, status="timeout", cause=None, score=None, seconds=45.0) for run in OTHERS]
    found = asked(fit(name, dead, STORE.facts), OWN)
    assert all(np.isfinite(each).all() for each in columns(found))
    if name not in ("random", "rules"):
        assert np.ptp(found.score) == 0
        # "process" learns from a timeout that a run takes at least so long, and of short ones that is less sure.
        assert (found.failure > (0.5 if name == "process" else 0.8)).mean() > 0.99


@pytest.mark.parametrize("name", ESTIMATORS)
def test_one_experience_ten_thousand_times_counts_once(name: str) -> None:
    few = [run for run in OTHERS if run.task == OTHERS[0].task]
    many = [*few, *(replace(few[0], id=str(number)) for number in range(10_000))]
    once, often = fit(name, few, STORE.facts, seed=1), fit(name, many, STORE.facts, seed=1)
    assert once.fitted_on == often.fitted_on
    np.testing.assert_array_equal(asked(once, OWN).score, asked(often, OWN).score)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_numbers_that_are_none_say_nothing(name: str) -> None:
    """NaN scores and seconds, times of zero, negative memory, infinite meta-features left out."""
    odd = [
        replace(OTHERS[0], id="a", score=math.nan, seconds=0.0, memory_bytes=0),
        replace(OTHERS[1], id="b", score=math.inf, seconds=math.nan, memory_bytes=-5),
        replace(OTHERS[2], id="c", seconds=-1.0, limits=Limits(wall_s=0.0)),
        replace(OTHERS[3], id="d", pipeline=Pipeline("full", {"learning_rate": "fast", "epochs": True})),
    ]
    found = asked(fit(name, [*OTHERS, *odd], STORE.facts), [*OWN, *odd])
    assert all(np.isfinite(each).all() for each in columns(found))


def test_relative_scores_need_scores_enough() -> None:
    assert np.isnan(relative_scores(OWN[:4])).all()
    alike = [replace(run, score=0.5, status="ok", cause=None) for run in OWN]
    assert np.isnan(relative_scores(alike)).all()
    found = relative_scores(OWN)
    assert np.nanmedian(found) == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(found[[not run.is_positive for run in OWN]]).all()


def test_the_shipped_rules_are_a_table() -> None:
    assert len(read_rules(shipped()).rules) > 10
    said = fitted("rules")
    reasons = said.why(Pipeline("full", {"learning_rate": 5e-5, "epochs": 3}, "m"), TaskView("t"))  # type: ignore[attr-defined]
    assert any("BERT" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"when": {}}, "rule 1 has no conditions"),
        ({"when": {"epochs": 3}}, "rule 1, epochs: a list, or from and to, got 3"),
        ({"when": {"epochs": {"below": 3}}}, "rule 1, epochs"),
        ({"when": {"epochs": [3]}, "point": 1}, "rule 1 has 'point'"),
        ({"when": {"epochs": [3]}, "failure": 2}, "failure of 2"),
        ({"points": 1}, "'when' is missing"),
    ],
)
def test_a_wrong_rule_is_named(rule: dict[str, Any], message: str) -> None:
    table = {
        "format": "tunelore.rules/1",
        "start": {"points": 0, "deviation": 1, "failure": 0.1},
        "rules": [rule],
    }
    with pytest.raises(EstimatorError, match=message):
        read_rules(json.dumps(table))
