"""What the gate of a search did, from the rows of its trials.

It knows no engine: what was skipped and why stands in the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from automl.errors import SamplerError
from automl.gate import GateOptions, contradicted
from knowledgebase.searches.bridge.engine import outcome_of
from knowledgebase.searches.bridge.refusal import Refused
from knowledgebase.searches.models import Trial

MOST_SHOWN = 100


@dataclass(frozen=True)
class GateReport:
    """Counts of one search; `contradicted` of `ended_audits` ended against the rule that had refused them."""

    skips: int
    by_rule: Mapping[str, int]
    audits: int
    ended_audits: int
    contradicted: int
    skipped: tuple[Trial, ...] = ()
    """The newest first, at most MOST_SHOWN."""


def check_gate(options: Mapping[str, object]) -> None:
    """Refused, with what is wrong, when these are no options of the gate."""
    try:
        GateOptions.read(options)
    except SamplerError as error:
        raise Refused("gate_options", str(error), "gate_options") from error


def gate_report(trials: Sequence[Trial]) -> GateReport:
    """From all trials of one search."""
    skipped = sorted(
        (trial for trial in trials if trial.state == Trial.State.SKIPPED), key=lambda trial: -trial.number
    )
    rules = [str(said_of(trial).get("rule", "")) for trial in skipped]
    audited = [trial for trial in trials if said_of(trial).get("decision") == "audit"]
    verdicts = [found for found in map(contradicts, audited) if found is not None]
    return GateReport(
        skips=len(skipped),
        by_rule={rule: rules.count(rule) for rule in sorted(set(rules))},
        audits=len(audited),
        ended_audits=len(verdicts),
        contradicted=sum(verdicts),
        skipped=tuple(skipped[:MOST_SHOWN]),
    )


def contradicts(trial: Trial) -> bool | None:
    """Whether an audit that ended shows its rule wrong; None where it says nothing."""
    if trial.state != Trial.State.DONE:
        return None
    return contradicted(said_of(trial), outcome_of(trial))


def said_of(trial: Trial) -> Mapping[str, object]:
    """The gate's word on a trial; {} where there was no gate."""
    said = trial.why.get("gate")
    return said if isinstance(said, Mapping) else {}
