"""What every sampler has to do, as a suite: subclass it, name the sampler, give its options.

Knows the engine's doors only. A sampler passes when a search with it can be rebuilt from rows, never repeats
itself, stays inside its space and survives whatever history it is given.

    class TestMine(SamplerSuite):
        sampler = "mine"
        learns_from_store = True
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from automl.engine import Engine
from automl.priors import Prior, build_prior
from automl.space import Choice, Method, Space
from automl.testing.worlds import World
from automl.values import SCORE, SECONDS, Objective, Outcome, Pipeline, Proposal


class SamplerSuite:
    """Set `sampler`; override `options` and the two flags where they do not fit."""

    sampler: str = "random"
    draws: bool = True
    """Whether another seed gives other proposals."""
    learns_from_store: bool = False
    """Whether a prior changes what is proposed."""

    world = World()

    def options(self, space: Space) -> Mapping[str, object]:
        """The sampler's options for a space, as JSON data."""
        return {}

    def engine(
        self,
        *,
        seed: int = 1,
        space: Space | None = None,
        prior: Prior | None = None,
        objectives: Sequence[Objective] = (SCORE, SECONDS),
    ) -> Engine:
        """A fresh engine with the sampler under test."""
        chosen = space or self.world.space
        return Engine(
            chosen,
            self.sampler,
            prior=prior,
            objectives=objectives,
            seed=seed,
            options=self.options(chosen),
        )

    def search(self, engine: Engine, trials: int) -> list[Proposal]:
        """A search of so many trials, one after the other."""
        found: list[Proposal] = []
        for _ in range(trials):
            asked = engine.ask()
            found += asked
            for proposal in asked:
                engine.tell(self.world.outcome(proposal))
        return found

    def test_the_same_seed_gives_the_same_search(self) -> None:
        assert self.search(self.engine(), 12) == self.search(self.engine(), 12)

    def test_another_seed_gives_another_search(self) -> None:
        if self.draws:
            assert self.search(self.engine(seed=1), 6) != self.search(self.engine(seed=2), 6)

    def test_a_search_can_be_rebuilt_from_its_rows(self) -> None:
        running = self.engine()
        self.search(running, 11)
        rebuilt = self.engine()
        for outcome in reversed(running.history):
            rebuilt.tell(outcome)
        assert rebuilt.ask(3) == running.ask(3)

    def test_proposals_lie_in_the_space(self) -> None:
        for proposal in self.search(self.engine(), 24):
            assert self.world.space.reasons(proposal.pipeline) == []

    def test_trials_are_numbered_on_from_one(self) -> None:
        engine = self.engine()
        first = engine.ask(3)
        assert [proposal.number for proposal in first] == [1, 2, 3]
        assert [proposal.number for proposal in engine.ask(2, pending=first)] == [4, 5]

    def test_pending_and_tried_pipelines_are_not_proposed_again(self) -> None:
        engine = self.engine()
        tried = self.search(engine, 4)
        pending = engine.ask(4)
        fresh = engine.ask(4, pending=pending)
        keys = [proposal.pipeline.key() for proposal in (*tried, *pending, *fresh)]
        assert len(set(keys)) == len(keys) == 12

    def test_asking_for_several_is_asking_one_by_one(self) -> None:
        engine = self.engine()
        self.search(engine, 5)
        together = engine.ask(3)
        one_by_one: list[Proposal] = []
        for _ in range(3):
            one_by_one += engine.ask(1, pending=one_by_one)
        assert together == one_by_one

    def test_a_history_of_failures_stops_nothing(self) -> None:
        engine = self.engine()
        for status, cause in [
            ("oom", "host"),
            ("timeout", None),
            ("diverged", None),
            ("error", "config"),
        ] * 4:
            for proposal in engine.ask():
                engine.tell(Outcome(proposal.number, proposal.pipeline, status, cause, None, 1.0))
        assert engine.front() == []
        assert len(engine.ask()) == 1

    def test_trials_that_say_nothing_change_nothing(self) -> None:
        told, also_killed = self.engine(), self.engine()
        self.search(told, 4)
        for outcome in told.history:
            also_killed.tell(outcome)
        for proposal in also_killed.ask(4):
            also_killed.tell(Outcome(proposal.number, proposal.pipeline, "killed", "user"))
        pipelines = self.pipelines()
        assert told.log_weights(pipelines) == also_killed.log_weights(pipelines)

    def test_a_success_without_seconds_is_no_obstacle(self) -> None:
        engine = self.engine()
        for _ in range(8):
            for proposal in engine.ask():
                engine.tell(Outcome(proposal.number, proposal.pipeline, "ok", None, 0.5, None))
        assert len(engine.ask()) == 1

    def test_either_objective_alone_will_do(self) -> None:
        for objective in (SCORE, SECONDS):
            engine = self.engine(objectives=[objective])
            self.search(engine, 9)
            assert len({item.number for item in engine.front()}) >= 1

    def test_a_space_of_one_pipeline_is_used_up_after_one(self) -> None:
        only = Method("only", {"choice": Choice((1,))}, needs_language_model=False)
        engine = self.engine(space=Space("one", (only,)))
        proposals = engine.ask(3)
        assert [proposal.pipeline for proposal in proposals] == [Pipeline("only", {"choice": 1})]

    def test_log_weights_are_numbers(self) -> None:
        engine = self.engine()
        for size in (0, 8):
            self.search(engine, size)
            weights = engine.log_weights(self.pipelines())
            assert len(weights) == len(self.pipelines())
            assert not any(math.isnan(weight) or weight == math.inf for weight in weights)

    def test_permuting_the_store_changes_the_first_proposals(self) -> None:
        """What is learnt comes from which pipeline did what, not from how many rows there are."""
        straight, permuted = (
            self.engine(prior=self.prior(shuffled=shuffled)).ask(12) for shuffled in (False, True)
        )
        same = [one.pipeline for one in straight] == [one.pipeline for one in permuted]
        assert same is not self.learns_from_store

    def prior(self, *, shuffled: bool = False) -> Prior:
        """What four other tasks of the world say about task 0."""
        world = self.world
        return build_prior(world.space, world.evidence([1, 2, 3, 4], 40, shuffled=shuffled), world.target(0))

    def pipelines(self) -> list[Pipeline]:
        """Some pipelines of the space, always the same."""
        return [item.pipeline for item in self.world.evidence([7], 16)]
