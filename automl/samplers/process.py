"""The sampler "process": what each candidate would gain, from physics and a process over pipelines and tasks.

Knows its candidates and what is believed of them; the beliefs come from `process_search`. Seconds and failures
are forecast from sizes, scores by two heads, with and without the store, weighed by how well each has foretold
the own runs. What will most likely die is refused inside the pool, a few refusals are tried all the same, and
a few proposals are uniform.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np
from numpy.typing import NDArray

from automl.samplers.base import Sampler, Setting
from automl.samplers.process_base import base_of
from automl.samplers.process_options import ProcessOptions
from automl.samplers.process_pool import first_pool, placed
from automl.samplers.process_reasons import reasons
from automl.samplers.process_search import Beliefs, Search
from automl.samplers.uniform import fresh_uniform
from automl.values import Outcome, Pipeline, Proposal

#: Without a store that is believed, so many first trials are uniform draws.
FIRST_UNIFORM = 5
#: While the head without a store leads, this share is uniform.
EXPLORE_COLD = 0.2
#: Every so many of the first so many proposals come from the head without the store.
HEDGE, HEDGED = 4, 12


class ProcessSampler(Sampler):
    """Proposals by expected gain; `why` of each says what was expected of it and where from."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = ProcessOptions.read(setting.options)
        self.base = base_of(setting.space, setting.prior)
        rng = np.random.default_rng([setting.seed, 0])
        self.pool = first_pool(self.base, rng, self.options.pool, setting.objectives)
        self.drawn = min(self.options.pool, len(self.pool))
        self.search = self._start()
        self._ended: set[str] = set()

    def _start(self) -> Search:
        return Search(self.base, self.pool, self.setting, self.options)

    def learn(self, history: Sequence[Outcome]) -> None:
        """Add what is new; start again when the history did not merely grow."""
        self._ended = {item.pipeline.key() for item in history}
        said = [item for item in history if item.says_something]
        known = self.search.told
        if said[: len(known)] != known:
            self.search = self._start()
        for outcome in said[len(self.search.told) :]:
            self.search.advance(outcome)

    def observe(self, outcome: Outcome) -> None:
        """Advance the search by it; the pool is renewed here too, after every few."""
        self._ended.add(outcome.pipeline.key())
        if outcome.says_something:
            self.search.advance(outcome)

    def propose(self, number: int, taken: Set[str]) -> Proposal | None:
        """The best free candidate by the rule of this trial; a uniform draw when no candidate is free."""
        search, rng = self.search, self.generator(number)
        candidates = search.candidates
        free = np.array([key not in taken for key in candidates.keys])
        if not free.any():
            uniform = fresh_uniform(self.space, rng, taken)
            return None if uniform is None else Proposal(number, uniform, "uniform")
        beliefs = search.beliefs(taken - self._ended)
        row, origin = self._choice(number, beliefs, free, rng)
        return Proposal(number, candidates.pipelines[row], origin, why=reasons(search, beliefs, row))

    def _choice(
        self, number: int, beliefs: Beliefs, free: NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[int, str]:
        rule, lot = self._rule(number, rng), float(rng.random())
        alive = free & beliefs.lives if (free & beliefs.lives).any() else free
        refused = np.flatnonzero(free & ~beliefs.lives)
        if rule == "audit" and len(refused):
            return int(refused[np.argmax(beliefs.gain[refused])]), "audit"
        gain = np.where(alive, beliefs.cold_gain if rule == "hedge" else beliefs.gain, -np.inf)
        if rule == "uniform" or gain.max() <= 0:
            chances = np.cumsum(alive / beliefs.price)
            return int(np.searchsorted(chances, lot * chances[-1], side="right")), "uniform"
        origin = "prior" if not self.search.told and self.search.weight > 0.5 else "model"
        return int(np.argmax(gain)), origin

    def _rule(self, number: int, rng: np.random.Generator) -> str:
        lot, weight = float(rng.random()), self.search.weight
        if weight < 0.1 and number <= FIRST_UNIFORM:
            return "uniform"
        audit = self.options.audit_checked if self.base.physics.checks.passed else self.options.audit
        if lot < audit:
            return "audit"
        share = self.options.explore if weight >= 0.5 else max(self.options.explore, EXPLORE_COLD)
        if lot < audit + share:
            return "uniform"
        return "hedge" if number <= HEDGED and number % HEDGE == 0 else "gain"

    def log_weights(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) ln of each pipeline's expected gain over the mean gain of the uniform candidates, mixed with
        the uniform share; what would be refused has only that share, or the audits'.
        """
        if not pipelines:
            return np.zeros(0)
        usual = self.search.beliefs()
        drawn = slice(0, self.drawn)
        found = self.search.beliefs(others=placed(self.base, pipelines, once=False))
        mean = float((usual.gain * usual.lives)[drawn].mean())
        liked = found.gain * found.lives / mean if mean > 0 else np.ones(len(pipelines))
        share = self.options.explore
        return np.asarray(np.log(np.maximum(share + (1 - share) * liked, 1e-6)))
