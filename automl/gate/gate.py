"""`Gate`: between a sampler and its search. What is refused is skipped, a few refusals are run all the same.

Knows a sampler by its two methods. What it decides follows from (space, history, pending, prior, seed) alone;
skipped proposals are a part of the history.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from automl.estimators.base import Estimator
from automl.gate.options import GateOptions
from automl.gate.pooled import predictor_of
from automl.gate.verdict import Decision, Verdict, judge
from automl.samplers.base import Sampler, Setting
from automl.values import SKIPPED, Outcome, Proposal

#: Keeps the audits' lots apart from those of samplers with the same seed and number.
AUDITS = 3


@dataclass(frozen=True)
class Picked:
    """One proposal to run (None: the sampler has nothing more), and what was skipped on the way to it."""

    chosen: Proposal | None
    skipped: tuple[Proposal, ...] = ()


class Gate:
    """Judges the proposals of any sampler with the estimator of the options, or with one that is fitted already
    (from `automl.estimators.snapshots.load`, say).

    SamplerError for a prior of another space, from the estimators.
    """

    def __init__(self, setting: Setting, options: GateOptions, fitted: Estimator | None = None) -> None:
        self.setting, self.options = setting, options
        self.predictor = predictor_of(setting, options.estimator, fitted)

    def observe(self, outcome: Outcome) -> None:
        """Let who is asked learn one more outcome, which follows all that is known in trial order."""
        self.predictor.observe(outcome)

    def verdict(self, proposal: Proposal, history: Sequence[Outcome]) -> Verdict:
        """What speaks against a proposal now."""
        self.predictor.learn(history)
        prediction = self.predictor.predict(proposal.pipeline)
        return judge(prediction, history, self.setting.objectives, self.options)

    def audits(self, number: int) -> bool:
        """Whether trial `number` would be run although refused."""
        rng = np.random.default_rng([self.setting.seed, number, AUDITS])
        return bool(rng.random() < self.options.audit)

    def pick(self, sampler: Sampler, number: int, taken: Set[str], history: Sequence[Outcome]) -> Picked:
        """The next proposal to run, from trial `number` on; every skipped one uses up a number.

        At most `retries` are skipped: of one more that is refused, the most hopeful is run.
        """
        known, held = list(history), list[tuple[Proposal, Verdict]]()
        taken = set(taken)
        for step in range(self.options.retries + 1):
            proposal = sampler.propose(number + step, taken)
            if proposal is None:
                return Picked(None, tuple(_marked(one, said, "skip") for one, said in held))
            said = self.verdict(proposal, history)
            if not said.rule or self.audits(proposal.number):
                chosen = _marked(proposal, said, "audit" if said.rule else "run")
                return Picked(chosen, tuple(_marked(*one, "skip") for one in held))
            held.append((proposal, said))
            taken.add(proposal.pipeline.key())
            # Otherwise a sampler would count what is skipped as pending, with the good end it expects of it.
            known.append(Outcome(proposal.number, proposal.pipeline, SKIPPED))
            sampler.learn(known)
        return _most_hopeful(held)


def _most_hopeful(held: Sequence[tuple[Proposal, Verdict]]) -> Picked:
    place = int(np.argmax([said.hope for _, said in held]))
    skipped = [_marked(*one, "skip") for at, one in enumerate(held) if at != place]
    return Picked(_marked(*held[place], "last"), tuple(skipped))


def _marked(proposal: Proposal, said: Verdict, decision: Decision) -> Proposal:
    """The proposal with the gate's word on it."""
    origin = "audit" if decision == "audit" else proposal.origin
    why = {**proposal.why, "gate": {**said.to_dict(decision), "proposed_by": proposal.origin}}
    return replace(proposal, origin=origin, why=why)
