"""What a run has done so far and what a method gives back; knows neither how a run goes nor any method."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from automl.runners.energy import Meter
from automl.sources.rows import Rows

Report = Callable[["State"], None]


@dataclass
class State:
    """What a run has done so far; methods write it, a watcher may read it at any time."""

    phase: str = "load"
    step: int | None = None
    epoch: float | None = None
    best: float | None = None
    curve: list[dict[str, Any]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    began_cpu: float = field(default_factory=lambda: cpu_now())
    meter: Meter = field(default_factory=Meter)

    def enter(self, phase: str, report: Report) -> None:
        self.phase = phase
        report(self)

    def begin(self, meter: Meter) -> None:
        """From here on it is the pipeline's time and energy."""
        self.began, self.began_cpu, self.meter = time.monotonic(), cpu_now(), meter


@dataclass(frozen=True)
class Trained:
    """What a method gives back: validation and test scores by name, and what they cost.

    `answers` gives the texts that it answers to questions; None for classes.
    """

    validation: dict[str, float]
    judge: Callable[[], dict[str, float]]
    cost: dict[str, Any]
    epochs: float | None = None
    features: dict[str, Any] = field(default_factory=dict)
    answers: Callable[[Rows], list[str]] | None = None


def cpu_now() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
