"""The settings of the gate, checked.

Knows no sampler.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from automl.errors import SamplerError
from automl.estimators.pool import ESTIMATORS

#: Why a proposal may be skipped.
RULES = ("likely_failure", "score_below_best")


@dataclass(frozen=True)
class GateOptions:
    """The defaults were chosen on the tuning family of tests/bench/bench_gate.py, never on what it reports."""

    rules: Sequence[str] = RULES
    """Which rules apply: "likely_failure", "score_below_best"."""
    failing: float = 0.6
    """`likely_failure` skips from this chance of dying on."""
    margin: float = 0.02
    """`score_below_best` skips what ends further than this below the best score; in [0, 1], as scores are."""
    reach: float = 0.1
    """... unless the chance that it gets there is at least so high."""
    after: int = 3
    """Own runs that have ended before `score_below_best` applies."""
    audit: float = 0.05
    """The share of refused proposals that is run all the same: the guard against a gate that is wrong and sure."""
    retries: int = 10
    """Proposals that are skipped in a row; of more, the most hopeful one is run."""
    estimator: str = "process"
    """Who foretells: an estimator of the pool by its name."""

    def __post_init__(self) -> None:
        if isinstance(self.rules, str) or not isinstance(self.rules, Sequence):
            raise SamplerError(f"the gate's rules must be a list of names, got {self.rules!r}")
        if unknown := [name for name in self.rules if name not in RULES]:
            raise SamplerError(f"the gate has no rule {unknown[0]!r}; use some of {list(RULES)}")
        if len(set(self.rules)) < len(self.rules):
            raise SamplerError(f"the gate's rules name one twice: {list(self.rules)[:10]!r}")
        if not isinstance(self.estimator, str) or self.estimator not in ESTIMATORS:
            raise SamplerError(
                f"the gate knows no estimator {self.estimator!r}; use one of {', '.join(ESTIMATORS)}"
            )
        for name in ("failing", "margin", "reach", "audit"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise SamplerError(f"the gate's {name} must lie in [0, 1], got {value!r}")
        for name, most in (("after", 1000), ("retries", 100)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
                raise SamplerError(
                    f"the gate's {name} must be a whole number from 0 to {most}, got {value!r}"
                )

    @classmethod
    def read(cls, given: Mapping[str, object]) -> GateOptions:
        """From JSON data; SamplerError naming what is unknown or out of range."""
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(given) - set(known)):
            raise SamplerError(f"the gate has no option {unknown[0]!r}; it takes {known}")
        return cls(**given)  # type: ignore[arg-type]  # __post_init__ checks the values
