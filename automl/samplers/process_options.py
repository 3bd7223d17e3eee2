"""The settings of the sampler "process", checked.

Knows no search.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from automl.errors import SamplerError
from automl.samplers.base import known_options


@dataclass(frozen=True)
class ProcessOptions:
    """The defaults were chosen on the tuning family of tests/bench/bench_search.py, never on what it reports."""

    fast: bool = False
    """Whether the search shall be cheap: gains are divided by the cube of what they cost."""
    explore: float = 0.07
    """The share of uniform draws among what will probably live."""
    audit: float = 0.01
    """The share of proposals that try what would be refused: the only guard against a gate that is wrong and sure."""
    audit_checked: float = 0.002
    """The same share where the store foretold the seconds and the deaths of tasks left out: its runs were audits."""
    refuse: float = 0.4
    """Candidates that die more probably than this are refused."""
    pool: int = 700
    """Uniform draws that are candidates throughout a search."""
    near_best: int = 200
    """Candidates near the own best; renewed every five runs."""

    def __post_init__(self) -> None:
        if not isinstance(self.fast, bool):
            raise SamplerError(f"fast must be true or false, got {self.fast!r}")
        for name in ("explore", "audit", "audit_checked", "refuse"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise SamplerError(f"{name} must lie in [0, 1], got {value!r}")
        for name, least in (("pool", 20), ("near_best", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 5000:
                raise SamplerError(f"{name} must be a whole number from {least} to 5000, got {value!r}")

    @classmethod
    def read(cls, given: Mapping[str, object]) -> ProcessOptions:
        """From JSON data; SamplerError naming what is unknown or out of range."""
        known_options("process", given, [field.name for field in fields(cls)])
        return cls(**given)  # type: ignore[arg-type]  # __post_init__ checks the values
