"""Odd stores, odd histories and plain mistakes: a clear error or a proposal of the space, never a crash."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from tunelore import record

from automl.engine import Engine
from automl.errors import AutomlError, EvidenceError, SamplerError
from automl.estimators import snapshots
from automl.gate import GateOptions
from automl.priors import Prior, build_prior
from automl.samplers import SAMPLERS, Setting
from automl.space import Integer, Space
from automl.spaces import answers, preset, tunelore
from automl.testing.worlds import GOOD, World
from automl.values import (
    ENERGY,
    MEMORY,
    PARAMETERS,
    SCORE,
    SECONDS,
    SKIPPED,
    STATUSES,
    Evidence,
    Outcome,
    Pipeline,
    TaskView,
)

WORLD = World()
STORE = WORLD.evidence([1, 2, 3], 25)
LEFT_OUT = {"listed"} if find_spec("optuna") else {"listed", "tpe"}
EVERY = sorted(SAMPLERS.keys() - LEFT_OUT)
STORES: dict[str, Callable[[], list[Evidence]]] = {
    "no neighbours": list,
    "all neighbours failed": lambda: [
        replace(item, status="oom", cause="host", score=None) for item in STORE
    ],
    "one experience 10,000 times": lambda: [replace(STORE[0], id=str(place)) for place in range(10_000)],
    "scores that are no numbers": lambda: [replace(item, score=math.nan) for item in STORE],
    "seconds of zero": lambda: [replace(item, seconds=0.0) for item in STORE],
    "seconds beyond measure": lambda: [
        replace(item, seconds=(1e300, 1e-300, 2.0)[place % 3]) for place, item in enumerate(STORE)
    ],
    "features beyond measure": lambda: [
        replace(item, metafeatures={name: (1e300, -1e300, 1e-300)[place % 3] for name in item.metafeatures})
        for place, item in enumerate(STORE)
    ],
    "pipelines of another space": lambda: [
        replace(item, pipeline=Pipeline("magic", {"spell": place}, "hub:unknown@1"))
        for place, item in enumerate(STORE)
    ],
}


def engine(sampler: str, store: list[Evidence]) -> Engine:
    return Engine(WORLD.space, sampler, prior=build_prior(WORLD.space, store, WORLD.target(0)), seed=1)


@pytest.mark.parametrize("sampler", EVERY)
@pytest.mark.parametrize("name", STORES)
def test_odd_stores_stop_no_search(sampler: str, name: str) -> None:
    running = engine(sampler, STORES[name]())
    for _ in range(6):
        for proposal in running.ask():
            running.tell(WORLD.outcome(proposal))
    [proposal] = running.ask()
    assert WORLD.space.contains(proposal.pipeline)


@pytest.mark.parametrize("sampler", EVERY)
@pytest.mark.parametrize(
    "changes",
    [
        {"score": math.nan},
        {"score": math.inf},
        {"seconds": 0.0},
        {"seconds": math.nan},
        {"seconds": -1.0},
        {"seconds": 1e300},
        {"seconds": 1e-300},
    ],
    ids=str,
)
def test_odd_outcomes_stop_no_search(sampler: str, changes: dict[str, float]) -> None:
    running = engine(sampler, STORE)
    for _ in range(12):
        for proposal in running.ask():
            told = Outcome(proposal.number, proposal.pipeline, "ok", None, 0.5, 2.0)
            running.tell(replace(told, **changes) if proposal.number % 3 else told)  # type: ignore[arg-type]
    assert all(WORLD.space.contains(one.pipeline) for one in running.ask(2))


@pytest.mark.parametrize("sampler", EVERY)
@pytest.mark.parametrize("gate", [None, GateOptions()], ids=["", "gate"])
def test_costs_beyond_measure_stop_no_search_of_several(sampler: str, gate: GateOptions | None) -> None:
    prior = build_prior(WORLD.space, STORE, WORLD.target(0))
    objectives = (SCORE, SECONDS, MEMORY, PARAMETERS, ENERGY)
    running = Engine(WORLD.space, sampler, prior=prior, objectives=objectives, seed=2, gate=gate)
    odd = (1e300, 1e-300, 0.0, math.inf, 3.0, None)
    for _ in range(12):
        for one in running.ask():
            seconds, memory, weights, energy = (
                odd[(one.number * step + step) % len(odd)] for step in (1, 2, 3, 5)
            )
            running.tell(
                Outcome(
                    one.number, one.pipeline, "ok", score=0.5, seconds=seconds, memory_bytes=memory,
                    trainable_parameters=weights, energy_j=energy,
                )
            )  # fmt: skip
    assert all(WORLD.space.contains(one.pipeline) for one in running.ask(2))


@pytest.mark.parametrize("sampler", EVERY)
def test_what_the_space_does_not_know_stays_in_the_history_and_teaches_nothing(sampler: str) -> None:
    strange = [
        Pipeline("magic", {"spell": 1}, GOOD),
        Pipeline("lora", {"spell": 1}, GOOD),
        Pipeline("lora", {}, "hub:elsewhere@1"),
    ]
    running = engine(sampler, STORE)
    for number, pipeline in enumerate(strange, start=1):
        running.tell(Outcome(number, pipeline, "ok", None, 0.9, 1.0))
    some = [item.pipeline for item in STORE[:8]]
    assert running.log_weights(some) == engine(sampler, STORE).log_weights(some)
    assert len(running.front()) == 3
    for _ in range(8):
        for proposal in running.ask():
            running.tell(WORLD.outcome(proposal))
            assert WORLD.space.contains(proposal.pipeline)


PIPELINE = Pipeline("full", {}, GOOD)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "success"}, "has the status 'success'; use one of ok, oom, timeout"),
        ({"status": "OK"}, "has the status 'OK'"),
        ({"score": 86.2}, r"has the score 86.2; a score lies in \[0, 1\], higher is better"),
        ({"score": -1.0}, "has the score -1.0"),
        ({"score": "0.5"}, "score must be a number, or None where it is not known, got '0.5'"),
        ({"score": True}, "score must be a number, or None where it is not known, got True"),
        ({"seconds": "2"}, "seconds must be a number, or None where it is not known, got '2'"),
        ({"pipeline": {"method": "full"}}, "needs a Pipeline .* got {'method': 'full'}"),
    ],
    ids=str,
)
def test_a_run_that_would_teach_nothing_or_the_wrong_thing_is_refused(
    changes: dict[str, Any], words: str
) -> None:
    """As an outcome and as evidence alike, where it is made: without a word it would be passed over, or believed."""
    told = Outcome(3, PIPELINE, "ok", None, 0.5, 2.0)
    with pytest.raises(EvidenceError, match=f"^trial 3:? {words}"):
        replace(told, **changes)
    kept = Evidence("7", "news", {}, PIPELINE, "ok", None, 0.5, 2.0)
    with pytest.raises(EvidenceError, match=f"^the evidence '7':? {words}"):
        replace(kept, **changes)


def test_scores_may_be_off_by_rounding_and_of_any_kind_of_number() -> None:
    for score in (0.1 * 3 + 0.7 + 2**-52, np.float32(0.5), 1, 0, math.nan, None):
        assert Outcome(1, PIPELINE, "ok", None, score, np.int64(2)).status == "ok"  # type: ignore[arg-type]


def test_the_words_for_how_a_run_ended_are_those_of_a_record() -> None:
    """What a hub keeps is what the library is told, beside what its gate skips."""
    assert (*record.STATUSES, SKIPPED) == STATUSES


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"space": "tunelore"}, r"searches a Space \(automl.spaces.preset .*, got 'tunelore'"),
        ({"objectives": ("score", "seconds")}, r"list of SCORE, .* got \('score', 'seconds'\)"),
        ({"objectives": SCORE}, r"list of SCORE, .* got Objective\(name='score'"),
        ({"objectives": [SCORE, SCORE]}, r"each named once, got \['score', 'score'\]"),
        ({"seed": None}, "seed must be a whole number >= 0, got None"),
        ({"seed": 1.5}, "seed must be a whole number >= 0, got 1.5"),
        ({"prior": {"model": {}}}, r"comes from build_prior or Prior.from_dict\(space, data\), got {'model'"),
        ({"gate": {"failing": 0.5}}, r"needs GateOptions \(GateOptions.read .*, got {'failing': 0.5}"),
        ({"gate": True}, "needs GateOptions .* got True"),
        ({"options": ["fast"]}, r"options are a mapping by name, got \['fast'\]"),
    ],
    ids=str,
)
def test_an_engine_says_what_it_needs(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SamplerError, match=words):
        Engine(**{"space": WORLD.space, **given})


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda one: one.ask("a"), "cannot ask for 'a' proposals"),
        (lambda one: one.ask(1.5), "cannot ask for 1.5 proposals"),
        (lambda one: one.tell({"number": 1}), "tell takes an Outcome, got {'number': 1}"),
        (lambda one: one.tell(Outcome(0, PIPELINE, "ok")), "numbered from 1, as `ask` says them, got 0"),
        (lambda one: one.tell(Outcome("1", PIPELINE, "ok")), "numbered from 1, .* got '1'"),
    ],
)
def test_asking_and_telling_say_what_they_take(mistake: Callable[[Engine], object], words: str) -> None:
    with pytest.raises(SamplerError, match=words):
        mistake(Engine(WORLD.space, "random"))


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda: build_prior("tunelore", [], TaskView("news")), "built for a Space .*, got 'tunelore'"),
        (lambda: Pipeline("full", [1]), r"hyper-parameters of a pipeline are a mapping by name, got \[1\]"),
        (lambda: snapshots.load("nowhere.npz"), "nowhere.npz cannot be read: No such file"),
        (lambda: build_prior(WORLD.space, [], "news"), "target must be a TaskView .*, got 'news'"),
        (lambda: build_prior(WORLD.space, [], TaskView("news"), "high-liar"), "prior_options .* 'high-liar'"),
        (
            lambda: build_prior(WORLD.space, [], TaskView("news", {"language": "en"})),
            "the target 'news': the feature 'language' must be a number or None, got 'en'",
        ),
        (
            lambda: build_prior(WORLD.space, [replace(STORE[0], system={"gpu": "H100"})], WORLD.target(0)),
            f"the evidence '{STORE[0].id}': the feature 'gpu' must be a number or None, got 'H100'",
        ),
        (lambda: tunelore("hub:a/b@1"), "a list of keys, got the text 'hub:a/b@1'"),
        (lambda: answers("hub:a/b@1"), "a list of keys, got the text 'hub:a/b@1'"),
        (lambda: preset("tunelore", "hub:a/b@1"), "a list of keys, got the text 'hub:a/b@1'"),
        (lambda: preset("proposal", "hub:gpt2"), "a list of keys, got the text 'hub:gpt2'"),
    ],
)
def test_a_plain_mistake_is_named(mistake: Callable[[], object], words: str) -> None:
    with pytest.raises(AutomlError, match=words):
        mistake()


SMALLER = WORLD.space.restrict(language_models=[GOOD])
NARROWER = WORLD.space.restrict(parameters={"full.epochs": Integer(2, 3)})


@pytest.mark.parametrize("sampler", EVERY)
@pytest.mark.parametrize(
    ("built", "wanted", "words"),
    [
        (SMALLER, WORLD.space, "it knows nothing of "),
        (WORLD.space, SMALLER, "the prior alone has "),
        (WORLD.space, NARROWER, "another is full.epochs"),
        (WORLD.space, replace(WORLD.space, name="older/1"), "they have another name or order"),
    ],
    ids=["fewer models", "more models", "another range", "another name"],
)
def test_a_prior_of_another_space_is_refused_by_everybody_and_says_what_differs(
    sampler: str, built: Space, wanted: Space, words: str
) -> None:
    prior = build_prior(built, STORE, WORLD.target(0))
    with pytest.raises(SamplerError, match=f"built for other decisions .*{words}.*build it again"):
        Engine(wanted, sampler, prior=prior)


def test_a_gate_refuses_a_prior_of_another_space() -> None:
    with pytest.raises(SamplerError, match="built for other decisions"):
        Setting(WORLD.space, build_prior(SMALLER, STORE, WORLD.target(0)))
    assert Engine(SMALLER, prior=build_prior(SMALLER, STORE, WORLD.target(0)), gate=GateOptions()).ask()


def test_a_stored_prior_says_which_decision_is_another() -> None:
    stored = build_prior(SMALLER, STORE, WORLD.target(0)).to_dict()
    with pytest.raises(EvidenceError, match="'language_model' is another decision there; build it again"):
        Prior.from_dict(WORLD.space, stored)
    stored = build_prior(WORLD.space.restrict(methods=["full"]), STORE, WORLD.target(0)).to_dict()
    with pytest.raises(EvidenceError, match=r"does not fit the space .*build it again"):
        Prior.from_dict(WORLD.space, stored)
