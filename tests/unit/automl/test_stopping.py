"""Which curves are stopped, by which rule, and what samplers make of a run that was."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from automl.engine import Engine
from automl.estimators.censored import expected_within
from automl.runners.base import TrialSpec
from automl.runners.stopping import Peer, Stopping, best_so_far, peer_of
from automl.samplers import SAMPLERS
from automl.sources.datasets import DatasetRef
from automl.testing.worlds import World
from automl.values import Outcome, Pipeline

#: Runs that have half of their score after half of their epochs, and end with 0.6, 0.7 and 0.8.
PEERS = tuple(Peer((0.25, 0.5, 0.75, 1.0), (0.1, top / 2, top - 0.1, top), top) for top in (0.6, 0.7, 0.8))
FRONT = ((0.6, 10.0), (0.8, 30.0))


def stopping(rule: str = "ceiling", **changes: object) -> Stopping:
    return Stopping(**{"rule": rule, "peers": PEERS, "front": FRONT, **changes})  # type: ignore[arg-type]


def test_a_curve_that_cannot_reach_the_front_is_stopped_with_its_figures() -> None:
    said = stopping().verdict([(0.25, 0.05), (0.5, 0.1)], 31.0)
    assert said is not None
    assert (said["rule"], said["reached"], said["share"]) == ("ceiling", 0.1, 0.5)
    # At half the peers still gained 0.4 at most, and its own rise would give 0.1.
    assert said["ceiling"] == pytest.approx(0.5)
    assert (said["front_score"], said["front_seconds"]) == (0.6, 10.0)
    assert json.loads(json.dumps(said)) == said


def test_a_curve_that_still_may_reach_it_goes_on() -> None:
    assert stopping().verdict([(0.25, 0.1), (0.5, 0.45)], 31.0) is None  # 0.85 at most
    assert stopping().verdict([(0.25, 0.05), (0.5, 0.1)], 9.0) is None  # nobody was as quick by now
    assert stopping().verdict([(0.25, 0.0), (0.5, 0.4)], 31.0) is None  # rises steeply: 0.8 at most


def test_a_late_riser_is_not_taken_for_hopeless_by_its_slope_alone() -> None:
    assert stopping().ceiling([(0.25, 0.3)]) == pytest.approx(1.0)
    assert stopping().ceiling([(0.25, 0.3), (0.5, 0.31)]) == pytest.approx(0.71)


@pytest.mark.parametrize(
    ("objectives", "seconds", "stopped"),
    [
        (("score",), 1.0, True),
        (("seconds",), 9.0, False),
        (("seconds",), 11.0, True),
        (("score", "seconds"), 1.0, False),
    ],
)
def test_only_what_counts_in_the_search_is_compared(
    objectives: tuple[str, ...], seconds: float, stopped: bool
) -> None:
    said = stopping(objectives=objectives).verdict([(0.25, 0.05), (0.5, 0.1)], seconds)
    assert (said is not None) is stopped


def test_the_median_of_the_others_at_the_same_share() -> None:
    assert stopping("median").verdict([(0.5, 0.36)], 1.0) is None
    said = stopping("median").verdict([(0.5, 0.34)], 1.0)
    assert said is not None
    assert (said["median"], said["peers"]) == (0.35, 3)


@pytest.mark.parametrize("rule", ["ceiling", "median"])
@pytest.mark.parametrize(
    ("curve", "peers"), [([], PEERS), ([(0.2, 0.0)], PEERS), ([(1.0, 0.0)], PEERS), ([(0.5, 0.0)], PEERS[:2])]
)
def test_nothing_is_stopped_too_early_at_the_end_or_without_others(
    rule: str, curve: list[tuple[float, float]], peers: tuple[Peer, ...]
) -> None:
    assert stopping(rule, peers=peers).verdict(curve, 99.0) is None


def test_curves_are_read_from_records() -> None:
    points = [
        {"epoch": 0.5, "values": {"loss": 2.0}},
        {"epoch": 1, "values": {"eval_f1_macro": 0.4, "eval_loss": 1.0}},
        {"epoch": 2, "values": {"eval_f1_macro": 0.3}},
        {"values": {"eval_f1_macro": 0.9}},
    ]
    assert best_so_far(points, "f1_macro", 4) == [(0.25, 0.4), (0.5, 0.4)]
    assert peer_of(points, "f1_macro", 4, 0.4) == Peer((0.25, 0.5), (0.4, 0.4), 0.4)
    assert peer_of(points[:1], "f1_macro", 4, 0.4) is None
    assert PEERS[0].at(0.375) == pytest.approx(0.2)
    assert PEERS[0].at(0.125) == pytest.approx(0.05)


def test_a_spec_carries_it_through_json() -> None:
    spec = TrialSpec(Pipeline("linear", {}), DatasetRef("builtin", "message-language"), stopping=stopping())
    assert TrialSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    plain = replace(spec, stopping=None)
    assert TrialSpec.from_dict(plain.to_dict()) == plain


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="no rule 'hunch'"):
        Stopping("hunch")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-10.0, 10.0, 0.0),
        (0.0, 10.0, math.sqrt(2 / math.pi)),
        (5.0, 6.0, 5.1),
        (-9.0, -8.0, -8.1),
        (2.0, 1.0, 2.0),
    ],
)
def test_a_belief_within_bounds(low: float, high: float, expected: float) -> None:
    assert expected_within(0.0, 1.0, low, high) == pytest.approx(expected, abs=0.1)
    assert low <= expected_within(0.0, 1.0, low, None)


WORLD = World()


def pruned(outcome: Outcome, reached: float, ceiling: float) -> Outcome:
    return replace(outcome, status="pruned", cause="ceiling", score=reached, ceiling=ceiling, seconds=2.0)


@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS) - {"listed", "tpe"}))
def test_every_sampler_goes_on_after_pruned_runs(sampler: str) -> None:
    running = Engine(WORLD.space, sampler, seed=4)
    for number in range(30):
        [proposal] = running.ask()
        outcome = WORLD.outcome(proposal)
        alive = outcome.is_success and number % 3 == 1
        running.tell(pruned(outcome, 0.2, 0.3) if alive else outcome)
    assert any(item.is_pruned for item in running.history)
    assert not any(item.is_failure or item.is_success for item in running.history if item.status == "pruned")
    assert all(item.status == "ok" for item in running.front())


def test_the_process_expects_a_score_between_the_bounds_and_at_least_the_seconds() -> None:
    running = Engine(WORLD.space, "process", seed=4)
    [proposal] = running.ask()
    running.sampler.learn([])
    search = running.sampler.search  # type: ignore[attr-defined]
    from automl.estimators.scores import score_of
    from automl.samplers.process_pool import placed

    def seen() -> tuple[float, float, float]:
        beliefs = search.beliefs(others=placed(search.base, [proposal.pipeline]))
        failing = float(beliefs.forecast.failing[0])
        return float(score_of(beliefs.mean)[0]), float(np.exp(beliefs.forecast.log_seconds[0])), failing

    before = seen()
    seconds = 3 * before[1]
    search.advance(Outcome(1, proposal.pipeline, "pruned", "ceiling", 0.05, seconds, 0.1))
    after = seen()
    assert after[0] < before[0]
    assert 0.03 < after[0] < 0.3
    assert after[1] > before[1]
    assert after[2] <= before[2] + 0.05  # it was alive
