"""What the gate makes of a prediction: a decision, the rule behind it, and the figures that it rests on.

Knows predictions, own successes and options; knows no sampler and draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from automl.gate.options import GateOptions
from automl.gate.prediction import Prediction
from automl.values import SCORE, SECONDS, Objective, Outcome, is_finite

#: "last": refused like those before it, and run because as many as may be were skipped in a row.
Decision = Literal["run", "skip", "audit", "last"]


@dataclass(frozen=True)
class Verdict:
    """One proposal's; `rule` is "" where none speaks against it, `best` None where there is nothing to beat."""

    rule: str
    prediction: Prediction
    best: float | None = None
    """The highest own score among runs that are at least as quick."""
    reach: float = 1.0
    """The chance of ending no further than the margin below `best`."""
    margin: float = 0.0

    @property
    def hope(self) -> float:
        """The chance that running it is worth while: it lives and gets near the best."""
        return (1 - self.prediction.failing) * self.reach

    def to_dict(self, decision: Decision) -> dict[str, object]:
        """As JSON data of bounded size, as it is kept with the proposal."""
        return {
            "decision": decision,
            "rule": self.rule,
            "best": self.best,
            "margin": self.margin,
            "reach": float(f"{self.reach:.3g}"),
            "chance_of_failing": float(f"{self.prediction.failing:.3g}"),
            **self.prediction.to_dict(),
        }


def judge(
    prediction: Prediction,
    history: Sequence[Outcome],
    objectives: Sequence[Objective],
    options: GateOptions,
) -> Verdict:
    """The first rule that speaks against a pipeline of which this is expected."""
    best = _best(prediction, history, objectives)
    reach = 1.0 if best is None else prediction.reaches(best - options.margin)
    rule = ""
    if "likely_failure" in options.rules and prediction.failing >= options.failing:
        rule = "likely_failure"
    elif "score_below_best" in options.rules and _enough(history, options) and reach < options.reach:
        rule = "score_below_best"
    return Verdict(rule, prediction, best, reach, options.margin)


def _enough(history: Sequence[Outcome], options: GateOptions) -> bool:
    return sum(item.is_success or item.is_failure for item in history) >= options.after


def _best(
    prediction: Prediction, history: Sequence[Outcome], objectives: Sequence[Objective]
) -> float | None:
    """What a pipeline has to come near. Where seconds count, only runs that are surely no slower are rivals: a cheap
    pipeline has its place on the front below the best score. So has one that needs less of another cost, of which
    nothing is predicted: then nothing has to be come near."""
    if SCORE not in objectives or set(objectives) - {SCORE, SECONDS}:
        return None
    quickest = prediction.seconds[0] if SECONDS in objectives else float("inf")
    scores = [
        item.score
        for item in history
        if item.is_success and is_finite(item.score) and (item.seconds or 0.0) <= quickest
    ]
    return max(scores, default=None)


def contradicted(said: Mapping[str, object], outcome: Outcome) -> bool | None:
    """Whether an audit that ended shows its rule wrong; None where it says nothing (no audit, or killed).

    `said` is what `Verdict.to_dict` kept. A likely failure that lived, or a score no further than the margin below
    the best of then, contradicts.
    """
    if said.get("decision") != "audit" or not (outcome.is_success or outcome.is_failure):
        return None
    if said.get("rule") == "likely_failure":
        return outcome.is_success
    best, margin = said.get("best"), said.get("margin")
    if not isinstance(best, int | float) or not isinstance(margin, int | float):
        return None
    return outcome.is_success and is_finite(outcome.score) and outcome.score >= best - margin
