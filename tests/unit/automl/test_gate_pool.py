"""The gate by another estimator of the pool: fitted to the prior's runs, or loaded from a snapshot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from automl.engine import Engine
from automl.errors import SamplerError
from automl.estimators import snapshots
from automl.estimators.pool import fit
from automl.gate import Gate, GateOptions, PoolPredictor, Predictor, Verdict
from automl.samplers import Setting
from automl.values import SKIPPED, Evidence, Outcome, Proposal
from tests.gated import BEST, DEADLY, POOR, QUICK, STORE, WORLD, outcomes, prior_of


def setting(store: Sequence[Evidence] = STORE) -> Setting:
    return Setting(WORLD.space, prior_of(store), seed=3)


def verdicts(name: str) -> list[Verdict]:
    gate, history = Gate(setting(), GateOptions(estimator=name)), outcomes(QUICK)
    return [gate.verdict(Proposal(9, one, "test"), history) for one in (BEST, DEADLY, POOR)]


@pytest.mark.parametrize("name", ["boosting", "neighbours"])
def test_what_most_likely_dies_or_ends_low_is_refused(name: str) -> None:
    assert [one.rule for one in verdicts(name)] == ["", "likely_failure", "score_below_best"]


@pytest.mark.parametrize("name", ["forest", "linear"])
def test_the_word_of_the_one_that_was_chosen_counts(name: str) -> None:
    best, deadly, poor = verdicts(name)
    assert best.rule == ""
    assert best.prediction.failing < deadly.prediction.failing
    assert poor.prediction.score[1] < best.prediction.score[1]
    assert {one.prediction.estimator for one in (best, deadly, poor)} == {name}
    assert all(one.prediction.own_runs == 3 for one in (best, deadly, poor))


def test_the_usual_estimator_is_that_of_the_sampler_and_unchanged() -> None:
    assert GateOptions().estimator == "process"
    assert isinstance(Gate(setting(), GateOptions()).predictor, Predictor)


def test_a_snapshot_is_asked_as_the_estimator_that_was_stored(tmp_path: Path) -> None:
    memory = prior_of().memory
    assert memory is not None
    fitted = fit("linear", memory.runs, memory.facts)
    snapshots.save(fitted, tmp_path / "linear.npz")
    again = snapshots.load(tmp_path / "linear.npz")
    said = Gate(setting(), GateOptions(), again).verdict(Proposal(9, DEADLY, "test"), outcomes(QUICK))
    direct = Gate(setting(), GateOptions(estimator="linear")).verdict(
        Proposal(9, DEADLY, "test"), outcomes(QUICK)
    )
    assert said.to_dict("skip") == direct.to_dict("skip")
    assert said.prediction.estimator == "linear"


def test_an_engine_with_a_snapshot_skips_by_it_and_again_when_it_is_rebuilt() -> None:
    memory = prior_of().memory
    assert memory is not None
    fitted = fit("linear", memory.runs, memory.facts)

    def search(trials: int) -> Engine:
        running = Engine(
            WORLD.space, "random", prior=prior_of(), seed=1, gate=GateOptions(), gate_estimator=fitted
        )
        for _ in range(trials):
            for proposal in running.ask():
                running.tell(WORLD.outcome(proposal))
        return running

    running = search(6)
    assert running.skipped
    word = running.skipped[0].why["gate"]
    assert isinstance(word, dict)
    assert word["estimator"] == "linear"
    other = Engine(WORLD.space, "random", prior=prior_of(), seed=1, gate=GateOptions(), gate_estimator=fitted)
    for outcome in running.history:
        other.tell(outcome)
    assert [one.pipeline for one in other.ask(2)] == [one.pipeline for one in running.ask(2)]


@pytest.mark.parametrize("store", ["none", "all killed", "without order"])
def test_a_store_that_cannot_be_learnt_from_leaves_the_gate_to_the_usual_estimator(store: str) -> None:
    told = {
        "none": (),
        "all killed": tuple(replace(run, status="killed", score=None) for run in STORE),
        "without order": tuple(replace(run, score=0.5) if run.score is not None else run for run in STORE),
    }[store]
    gate = Gate(setting(told), GateOptions(estimator="forest"))
    assert isinstance(gate.predictor, Predictor)
    assert gate.verdict(Proposal(1, BEST, "test"), ()).prediction.estimator == "process"


def test_own_runs_move_the_level_of_scores_seconds_and_failures() -> None:
    predictor = Gate(setting(), GateOptions(estimator="linear")).predictor
    assert isinstance(predictor, PoolPredictor)
    before = predictor.predict(BEST)
    seen = outcomes(QUICK)
    slow = [replace(one, seconds=3 * (one.seconds or 1.0), score=0.2) for one in seen]
    predictor.learn(slow)
    after = predictor.predict(BEST)
    assert after.seconds[1] > 1.3 * before.seconds[1]
    assert after.score[1] < before.score[1]
    assert after.failing < before.failing
    dead = [Outcome(4 + at, one.pipeline, "oom", "host") for at, one in enumerate(seen)]
    predictor.learn([*slow, *dead])
    assert predictor.predict(BEST).failing > after.failing
    predictor.learn([])
    assert predictor.predict(BEST) == before


def test_own_runs_that_say_nothing_or_no_number_are_passed_over() -> None:
    predictor = Gate(setting(), GateOptions(estimator="linear")).predictor
    before = predictor.predict(BEST)
    odd = [
        Outcome(1, BEST, "ok", score=math.nan, seconds=0.0),
        Outcome(2, BEST, "killed", "user"),
        Outcome(3, POOR, SKIPPED),
    ]
    predictor.learn(odd)
    found = predictor.predict(BEST)
    assert found.score == before.score
    assert found.seconds == before.seconds


@pytest.mark.parametrize("name", ["oracle", "", None, ["forest"]])
def test_an_estimator_that_is_not_there_is_refused_by_name(name: object) -> None:
    with pytest.raises(SamplerError, match=r"the gate knows no estimator .*process"):
        GateOptions.read({"estimator": name})
