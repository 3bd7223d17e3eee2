"""The gate: what it refuses, what it lets through all the same, and that it follows from the history alone."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from dataclasses import replace

import numpy as np
import pytest

from automl.engine import Engine
from automl.errors import SamplerError
from automl.gate import RULES, Gate, GateOptions, contradicted
from automl.samplers import Setting
from automl.samplers.base import Sampler
from automl.testing.worlds import GOOD, NOISE
from automl.values import MEMORY, PARAMETERS, SCORE, SECONDS, SKIPPED, Outcome, Pipeline, Proposal
from tests.gated import BEST, DEADLY, POOR, QUICK, TRAINING, WORLD, outcomes, prior_of


def engine(sampler: str = "random", seed: int = 1, **options: object) -> Engine:
    return Engine(WORLD.space, sampler, prior=prior_of(), seed=seed, gate=GateOptions.read(options))


def run(running: Engine, trials: int) -> list[Outcome]:
    for _ in range(trials):
        for proposal in running.ask():
            running.tell(WORLD.outcome(proposal))
    return running.history


def ended(history: Sequence[Outcome]) -> list[Outcome]:
    return [item for item in history if item.status != SKIPPED]


def gate(**options: object) -> Gate:
    return Gate(Setting(WORLD.space, prior_of(), seed=3), GateOptions.read(options))


def rule_of(pipeline: Pipeline, history: Sequence[Outcome] = (), **options: object) -> str:
    return gate(**options).verdict(Proposal(9, pipeline, "test"), history).rule


def test_what_will_most_likely_die_is_refused() -> None:
    assert rule_of(DEADLY) == "likely_failure"
    assert rule_of(BEST) == ""
    assert rule_of(DEADLY, rules=["score_below_best"]) == ""
    assert rule_of(DEADLY, failing=1.0) == ""


def test_what_will_most_likely_end_below_the_best_is_refused_once_there_is_one() -> None:
    history = outcomes(QUICK)
    assert min(item.score or 0 for item in history) > 0.6
    assert rule_of(POOR, history) == "score_below_best"
    assert rule_of(POOR, history, rules=["likely_failure"]) == ""
    assert rule_of(POOR, history, after=4) == ""
    assert rule_of(POOR, history, margin=1.0) == ""


def test_a_quick_pipeline_is_not_compared_with_slow_ones() -> None:
    """Below the best score there is a place on the front for what costs less, unless seconds do not count."""
    history = outcomes(
        [replace(BEST, hyperparameters={**TRAINING, "epochs": 8, "max_length": n}) for n in (32, 48, 64)]
    )
    quick = Pipeline(
        "probe",
        {"max_length": 32, "batch_size": 16, "pooling": "mean", "c": 1.0, "class_weights": False},
        NOISE,
    )
    proposal = Proposal(9, quick, "test")
    both, score_alone = (
        Gate(Setting(WORLD.space, prior_of(), objectives, 3), GateOptions())
        for objectives in ((SCORE, SECONDS), (SCORE,))
    )
    assert both.verdict(proposal, history).best is None
    assert both.verdict(proposal, history).rule == ""
    assert score_alone.verdict(proposal, history).best == max(item.score or 0 for item in history)
    assert score_alone.verdict(proposal, history).rule == "score_below_best"


def test_where_other_costs_count_too_no_score_is_too_low() -> None:
    """What is poor may need little memory, and of that nothing is predicted; what dies is refused all the same."""
    history = outcomes(QUICK)
    gates = [
        Gate(Setting(WORLD.space, prior_of(), objectives, 3), GateOptions())
        for objectives in ((SCORE, MEMORY), (SCORE, SECONDS, PARAMETERS), (MEMORY,))
    ]
    assert rule_of(POOR, history) == "score_below_best"
    for one in gates:
        assert one.verdict(Proposal(9, POOR, "test"), history).rule == ""
        assert one.verdict(Proposal(9, DEADLY, "test"), ()).rule == "likely_failure"


def test_a_skip_says_what_was_expected_and_by_which_rule() -> None:
    running = engine(audit=0.0)
    run(running, 15)
    assert running.skipped
    for skip in running.skipped:
        said = skip.why["gate"]
        assert isinstance(said, dict)
        assert (said["decision"], said["estimator"]) == ("skip", "process")
        assert said["rule"] in RULES
        assert said["score"][0] <= said["score"][1] <= said["score"][2]
        assert said["seconds"][0] <= said["seconds"][1] <= said["seconds"][2]
        assert set(said["failing"]) == {"timeout", "memory", "error"}
        assert said["proposed_by"] == "uniform"
        assert len(json.dumps(said)) < 1000


def test_the_gate_saves_trials_that_would_have_failed_or_ended_below() -> None:
    plain = [run(Engine(WORLD.space, "random", prior=prior_of(), seed=seed), 25) for seed in range(3)]
    gated = [ended(run(engine(seed=seed, audit=0.0), 25)) for seed in range(3)]
    failed = [np.mean([sum(item.is_failure for item in one) for one in each]) for each in (plain, gated)]
    best = [np.mean([max(item.score or 0 for item in one) for one in each]) for each in (plain, gated)]
    assert failed[1] < failed[0] / 2
    assert best[1] > best[0]


@pytest.mark.parametrize("sampler", ["random", "pge", "process", "replay", "nsga2"])
def test_it_is_rebuilt_from_the_history(sampler: str) -> None:
    """One engine that lives on, and a fresh one for every trial that is told the stored history, are the same."""
    lasting = engine(sampler, audit=0.3)
    run(lasting, 12)
    history: list[Outcome] = []
    for _ in range(12):
        fresh = engine(sampler, audit=0.3)
        for outcome in history:
            fresh.tell(outcome)
        [proposal] = fresh.ask()
        history = [*fresh.history, WORLD.outcome(proposal)]
        history.sort(key=lambda item: item.number)
    assert [(item.number, item.pipeline.key(), item.status) for item in history] == [
        (item.number, item.pipeline.key(), item.status) for item in lasting.history
    ]


def test_audits_run_a_share_of_what_is_refused_always_the_same() -> None:
    lots = [number for number in range(1, 401) if gate(audit=0.25).audits(number)]
    assert lots == [number for number in range(1, 401) if gate(audit=0.25).audits(number)]
    assert 70 <= len(lots) <= 130
    running = engine(audit=1.0)
    asked = [proposal for _ in range(25) for proposal in _told(running)]
    audits = [one for one in asked if one.origin == "audit"]
    assert audits
    assert not running.skipped
    assert all(one.why["gate"]["decision"] == "audit" for one in audits)  # type: ignore[index]


def _told(running: Engine) -> list[Proposal]:
    asked = running.ask()
    for proposal in asked:
        running.tell(WORLD.outcome(proposal))
    return asked


class Stubborn(Sampler):
    """Proposes what will die, with another rank of weight decay each time, and for ever."""

    def learn(self, history: Sequence[Outcome]) -> None: ...

    def propose(self, number: int, taken: Set[str]) -> Proposal | None:
        values = {**DEADLY.hyperparameters, "learning_rate": 1e-5 * (1 + number / 100)}
        found = Pipeline("full", values, GOOD)
        return None if found.key() in taken else Proposal(number, found, "stubborn")

    def log_weights(self, pipelines: Sequence[Pipeline]) -> np.ndarray:
        return np.zeros(len(pipelines))


def test_a_sampler_that_proposes_only_what_is_refused_does_not_loop() -> None:
    setting = Setting(WORLD.space, prior_of(), seed=3)
    picked = Gate(setting, GateOptions(audit=0.0, retries=6)).pick(Stubborn(setting), 1, set(), [])
    assert picked.chosen is not None
    assert picked.chosen.why["gate"]["decision"] == "last"  # type: ignore[index]
    assert len(picked.skipped) == 6
    numbers = sorted(one.number for one in (picked.chosen, *picked.skipped))
    assert numbers == list(range(1, 8))


def test_a_list_that_is_refused_to_its_end_is_used_up() -> None:
    running = Engine(
        WORLD.space, "listed", prior=prior_of(), gate=GateOptions(audit=0.0),
        options={"pipelines": [DEADLY.to_dict()]},
    )  # fmt: skip
    assert running.ask() == []
    assert [skip.pipeline for skip in running.skipped] == [DEADLY]
    assert running.ask() == []


def test_what_was_skipped_is_neither_proposed_again_nor_learnt_from() -> None:
    running = engine("process")
    history = run(running, 20)
    keys = [item.pipeline.key() for item in history]
    assert len(set(keys)) == len(keys)
    assert [item.number for item in history] == list(range(1, len(history) + 1))
    assert not any(item.says_something for item in history if item.status == SKIPPED)


def test_several_are_asked_for_at_once_beside_pending_ones() -> None:
    running = engine()
    pending = running.ask(3)
    more = running.ask(3, pending)
    numbers = [one.number for one in [*pending, *more, *running.skipped]]
    assert len(pending) == len(more) == 3
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    ("rule", "status", "score", "wrong"),
    [
        ("likely_failure", "ok", 0.1, True),
        ("likely_failure", "oom", None, False),
        ("score_below_best", "ok", 0.69, True),
        ("score_below_best", "ok", 0.67, False),
        ("score_below_best", "timeout", None, False),
        ("score_below_best", "killed", None, None),
    ],
)
def test_what_an_audit_says_of_its_rule(
    rule: str, status: str, score: float | None, wrong: bool | None
) -> None:
    said = {"decision": "audit", "rule": rule, "best": 0.7, "margin": 0.02}
    assert contradicted(said, Outcome(1, BEST, status, "host", score, 1.0)) is wrong
    assert contradicted({**said, "decision": "run"}, Outcome(1, BEST, status, "host", score, 1.0)) is None


def test_without_any_experience_it_goes_by_first_principles_and_own_runs() -> None:
    running = Engine(WORLD.space, "random", seed=2, gate=GateOptions())
    history = run(running, 25)
    assert len(ended(history)) == 25
    assert json.dumps([dict(one.why) for one in running.skipped])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rules": ["hunch"]}, "no rule 'hunch'"),
        ({"rules": "likely_failure"}, "list of names"),
        ({"rules": ["likely_failure", "likely_failure"]}, "one twice"),
        ({"failing": 1.5}, "failing must lie"),
        ({"audit": True}, "audit must lie"),
        ({"retries": -1}, "retries must be"),
        ({"after": 2.5}, "after must be"),
        ({"patience": 3}, "no option 'patience'"),
    ],
)
def test_wrong_options_are_named(given: dict[str, object], said: str) -> None:
    with pytest.raises(SamplerError, match=said):
        GateOptions.read(given)
