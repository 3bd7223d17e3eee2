"""What is told in trial order is learnt in `tell`, once, and nothing of what is asked for depends on that."""

from __future__ import annotations

import random

import pytest

from automl.engine import Engine
from automl.gate import GateOptions
from automl.priors import build_prior
from automl.samplers.process_search import Search
from automl.testing.worlds import World
from automl.values import Outcome, Pipeline, Proposal

WORLD = World()
PRIOR = build_prior(WORLD.space, WORLD.evidence([1, 2, 3], 30), WORLD.target())


def outcomes(count: int) -> list[Outcome]:
    """How `count` different pipelines ended, numbered from 1."""
    found = [item.pipeline for item in WORLD.evidence([5], count)]
    return [WORLD.outcome(Proposal(number, one, "uniform")) for number, one in enumerate(found, start=1)]


@pytest.fixture
def advanced(monkeypatch):
    """The numbers of the outcomes that searches of the sampler "process" were advanced by, in that order."""
    seen: list[int] = []
    advance = Search.advance

    def counted(search: Search, outcome: Outcome) -> None:
        seen.append(outcome.number)
        advance(search, outcome)

    monkeypatch.setattr(Search, "advance", counted)
    return seen


def test_what_is_told_in_order_is_known_before_anything_is_asked():
    engine = Engine(WORLD.space, "process", prior=PRIOR)
    told = outcomes(6)
    for one in told:
        engine.tell(one)
    assert engine.sampler.search.told == told


def test_what_was_learnt_in_tell_is_not_learnt_again(advanced):
    engine = Engine(WORLD.space, "process", prior=PRIOR)
    for one in outcomes(6):
        engine.tell(one)
    assert advanced == [1, 2, 3, 4, 5, 6]
    engine.ask(2)
    engine.log_weights([one.pipeline for one in outcomes(2)])
    assert advanced == [1, 2, 3, 4, 5, 6]


def test_what_is_told_late_starts_the_search_again_once(advanced):
    engine = Engine(WORLD.space, "process", prior=PRIOR)
    first, *middle, last = outcomes(6)
    for one in (first, last, *reversed(middle)):
        engine.tell(one)
    assert advanced == [1, 6]
    engine.ask()
    assert advanced == [1, 6, 1, 2, 3, 4, 5, 6]


def test_behind_a_late_one_nothing_is_learnt_before_the_next_ask(advanced):
    engine = Engine(WORLD.space, "process", prior=PRIOR)
    one, two, three, four = outcomes(4)
    for outcome in (one, three, two, four):
        engine.tell(outcome)
    assert advanced == [1, 3]
    engine.ask()
    assert [item.number for item in engine.sampler.search.told] == [1, 2, 3, 4]


def test_a_gates_estimators_learn_in_tell_too():
    engine = Engine(WORLD.space, "random", prior=PRIOR, gate=GateOptions(estimator="process"))
    told = outcomes(5)
    for one in told:
        engine.tell(one)
    assert engine.gate.predictor.search.told == told


def test_a_strange_pipeline_teaches_nothing_and_holds_nothing_up():
    engine = Engine(WORLD.space, "process", prior=PRIOR)
    told = outcomes(3)
    strange = Outcome(4, Pipeline("of-an-older-version", {}), "ok", None, 0.9, 1.0)
    for one in (told[0], strange, *[Outcome(5, told[1].pipeline, "ok", None, 0.4, 2.0)]):
        engine.tell(one)
    assert [item.number for item in engine.sampler.search.told] == [1, 5]


def test_generations_are_learnt_when_they_are_complete():
    for name, size in (("pge", 4), ("nsga2", 20)):
        engine = Engine(WORLD.space, name, prior=PRIOR)
        weights = [one.pipeline for one in outcomes(3)]
        before = engine.log_weights(weights)
        *told, last = outcomes(size)
        for one in told:
            engine.tell(one)
        assert list(engine.sampler.log_weights(weights)) == before
        engine.tell(last)
        assert list(engine.sampler.log_weights(weights)) != before, name


@pytest.mark.parametrize("name", ["process", "pge", "nsga2", "tpe", "replay"])
@pytest.mark.parametrize("gate", [None, GateOptions()], ids=["plain", "gated"])
def test_one_told_in_turn_and_one_rebuilt_backwards_ask_for_the_same(name, gate):
    """The second learns all at once in `ask`, as everything was learnt before `tell` did."""
    if name == "tpe":
        pytest.importorskip("optuna")
    running, lot = Engine(WORLD.space, name, prior=PRIOR, gate=gate), random.Random(3)
    pending: list[Proposal] = []
    for _ in range(14):
        pending += running.ask(2, pending)
        ended = lot.sample(pending, lot.randint(1, len(pending)))
        pending = [one for one in pending if one not in ended]
        for one in ended:
            running.tell(
                WORLD.outcome(one) if lot.random() < 0.8 else Outcome(one.number, one.pipeline, "killed")
            )
    rebuilt = Engine(WORLD.space, name, prior=PRIOR, gate=gate)
    for one in reversed(running.history):
        rebuilt.tell(one)
    assert rebuilt.ask(3, pending) == running.ask(3, pending)


def test_rebuilding_learns_each_row_once(advanced):
    engine = Engine(WORLD.space, "process")
    for one in outcomes(60):
        engine.tell(one)
    engine.ask()
    assert advanced == list(range(1, 61))
