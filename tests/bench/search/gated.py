"""Searches with and without the gate, and what became of what it skipped: on the family, where the truth is known.

Knows arms of the library's samplers and worlds; judges nothing. Everybody is told the noisy values, the figures
are of what truly happened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automl.engine import Engine
from automl.fronts import hypervolume
from automl.gate import GateOptions, contradicted
from automl.values import SKIPPED, Outcome, Proposal
from search.family import Run
from search.searches import Case, World, world_of

#: A skip was costly when the run would have added more than this share of the best hypervolume.
COSTLY = 0.001


@dataclass
class Gated:
    """One search: truths of its trials in order, and what the gate skipped and audited."""

    limit_s: float
    best: float
    runs: list[tuple[Run, float]] = field(default_factory=list)
    """What truly happened, and the seconds that were paid."""
    skipped: list[dict[str, Any]] = field(default_factory=list)
    audits: list[bool] = field(default_factory=list)
    """Of each audit that says something: whether it showed its rule wrong."""

    def curve(self) -> list[float]:
        """The hypervolume after each trial, as a share of the best that is known."""
        return [volume_of([run for run, _ in self.runs[: at + 1]], self) for at in range(len(self.runs))]

    def paid(self) -> float:
        """Seconds of all trials, in time limits."""
        return sum(spent for _, spent in self.runs) / self.limit_s

    def failed(self) -> float:
        """The share of trials that failed."""
        return sum(run.status != "ok" for run, _ in self.runs) / max(len(self.runs), 1)


def volume_of(runs: Sequence[Run], found: Gated) -> float:
    """Hypervolume of what truly happened, as a share of the best that is known."""
    good = [run for run in runs if run.score is not None]
    scores, seconds = [run.score or 0.0 for run in good], [run.seconds for run in good]
    return hypervolume(scores, seconds, limit_s=found.limit_s) / found.best


def gated_search(sampler: str, prior: str, case: Case, budget: int, gate: GateOptions | None) -> Gated:
    """A search of `budget` trials that run; `prior` is "task" or "store", for sampler and gate alike."""
    world = world_of(case)
    engine = Engine(world.space, sampler, prior=world.prior(prior, None), seed=case.seed, gate=gate)
    found = Gated(world.limit_s if math.isfinite(world.limit_s) else 1.0, world.best)
    for number in range(1, budget + 1):
        before = len(engine.skipped)
        asked = engine.ask()
        found.skipped += [_skip(world, one, found) for one in engine.skipped[before:]]
        if not asked:
            break
        seen, true = world.observed(asked[0].pipeline, number)
        outcome = _outcome(asked[0], seen)
        engine.tell(outcome)
        wrong = contradicted(_word(asked[0]), outcome)
        found.audits += [] if wrong is None else [wrong]
        found.runs.append((true, seen.seconds))
    return found


def _outcome(proposal: Proposal, seen: Run) -> Outcome:
    return Outcome(proposal.number, proposal.pipeline, seen.status, seen.cause, seen.score, seen.seconds)


def _word(proposal: Proposal) -> Mapping[str, Any]:
    said = proposal.why.get("gate")
    return said if isinstance(said, Mapping) else {}


def _skip(world: World, proposal: Proposal, found: Gated) -> dict[str, Any]:
    """The rule, whether the truth contradicts it, and what the run would have added and cost."""
    said = _word(proposal)
    _, true = world.observed(proposal.pipeline, 0)
    as_told = Outcome(proposal.number, proposal.pipeline, true.status, true.cause, true.score, true.seconds)
    had = [run for run, _ in found.runs]
    gain = volume_of([*had, true], found) - volume_of(had, found)
    assert as_told.status != SKIPPED
    return {
        "rule": said["rule"],
        "wrong": bool(contradicted({**said, "decision": "audit"}, as_told)),
        "costly": gain > COSTLY,
        "seconds": true.seconds / found.limit_s,
    }
