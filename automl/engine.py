"""The engine: ask for pipelines, tell how they ended. Start at `Engine`.

Knows no hub, no queue and no process. The same prior, history, pending trials and seed give the same proposals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from automl.errors import SamplerError
from automl.fronts import costs_of, fronts
from automl.fronts import hypervolume as dominated_share
from automl.priors.prior import Prior
from automl.samplers import Setting, make_sampler
from automl.space import Space
from automl.values import SCORE, SECONDS, Objective, Outcome, Pipeline, Proposal


class Engine:
    """A search without its surroundings.

    objectives: one or both of `SCORE` (maximised) and `SECONDS` (minimised). options: of the sampler, JSON data.
    SamplerError for a sampler or option that does not exist.
    """

    def __init__(
        self,
        space: Space,
        sampler: str = "pge",
        *,
        prior: Prior | None = None,
        objectives: Sequence[Objective] = (SCORE, SECONDS),
        seed: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if not objectives:
            raise SamplerError("an engine needs an objective: score, seconds or both")
        self.space, self.seed, self.objectives = space, seed, tuple(objectives)
        self.sampler = make_sampler(sampler, Setting(space, prior, self.objectives, dict(options or {})))
        self.history: list[Outcome] = []

    def tell(self, outcome: Outcome) -> None:
        """Learn how a trial ended; trials may end in any order, each once."""
        if any(known.number == outcome.number for known in self.history):
            raise SamplerError(f"trial {outcome.number} was told already; each trial ends once")
        self.history.append(outcome)

    def ask(self, n: int = 1, pending: Sequence[Proposal] = ()) -> list[Proposal]:
        """Up to n proposals, numbered on from the last trial; fewer when the space or the list is used up.

        `pending` are proposals that have not ended: they are not proposed again. Each trial has random numbers of
        its own, so how many are asked for at once changes nothing but what was known by then.
        """
        known: list[Outcome | Proposal] = [*self.history, *pending]
        number = max((one.number for one in known), default=0)
        taken = {one.pipeline.key() for one in known}
        found: list[Proposal] = []
        for _ in range(n):
            number += 1
            rng = np.random.default_rng([self.seed, number])
            proposal = self.sampler.propose(number, self.history, taken, rng)
            if proposal is None:
                break
            taken.add(proposal.pipeline.key())
            found.append(proposal)
        return found

    def front(self) -> list[Outcome]:
        """Successes that no other beats in all objectives, by number."""
        done = [outcome for outcome in self.history if outcome.is_success]
        if not done:
            return []
        [first, *_] = fronts(costs_of(done, self.objectives))
        return sorted((done[index] for index in first), key=lambda outcome: outcome.number)

    def hypervolume(self, limit_s: float) -> float:
        """The share in [0, 1] of (score 0 to 1) x (seconds 0 to `limit_s`) that the successes dominate."""
        timed = [
            (one.score, one.seconds) for one in self.history if one.is_success and one.seconds is not None
        ]
        scores = [score or 0.0 for score, _ in timed]
        return dominated_share(scores, [seconds for _, seconds in timed], limit_s=limit_s)

    def log_weights(self, pipelines: Sequence[Pipeline]) -> list[float]:
        """ln of how much likelier than a uniform draw each pipeline is to be proposed now."""
        return self.sampler.log_weights(pipelines, self.history)
