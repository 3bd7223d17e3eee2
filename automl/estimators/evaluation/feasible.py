"""How far off first principles with corrections are, on runs left out: shares within a factor.

Knows feasibility and experience; knows no other estimator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from automl.estimators.evaluation.folds import Asked
from automl.estimators.evaluation.measures import truth_of
from automl.estimators.feasibility import Forecasts, fit_feasibility
from automl.estimators.feasibility.forecast import view_of
from automl.estimators.features import Vector
from automl.values import Evidence

#: Predictions should be within these factors of the truth, for this share of the runs.
BYTES_FACTOR, SECONDS_FACTOR, WANTED = 1.3, 2.0, 0.9
#: More groups than these are left out several at a time.
MOST_PARTS = 40

#: What is left out together, by name; None is never left out.
LEFT_OUT: Mapping[str, Callable[[Evidence, str], str | None]] = {
    "task": lambda run, source: source,
    "model": lambda run, source: run.pipeline.language_model,
    "method": lambda run, source: run.pipeline.method,
    "pipeline": lambda run, source: run.pipeline.key(),
    "everything": lambda run, source: "",
}


@dataclass(frozen=True)
class Share:
    """Of so many runs, the share within the factor, and the factor that nine in ten are within."""

    runs: int
    share: float
    factor_of_90: float

    def to_dict(self) -> dict[str, object]:
        """As JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Feasible:
    """Seconds of runs that ended, bytes of these and of timeouts; and of timeouts, the share foreseen to need at
    least half of the limit (within the factor, as far as one can say).
    """

    left_out: str
    seconds: Share
    bytes: Share
    late: Share


def feasible(asked: Asked, left_out: str) -> Feasible:
    """Predictions of each group by all others; "everything" leaves out all runs: first principles alone."""
    group_of = LEFT_OUT[left_out]
    named = [group_of(run, source) for run, source in zip(asked.runs, asked.sources, strict=True)]
    places = {name: place % MOST_PARTS for place, name in enumerate(dict.fromkeys(named)) if name is not None}
    groups = [None if name is None else places[name] for name in named]
    truth = truth_of(asked.runs)
    seconds, size = np.full(len(groups), np.nan), np.full(len(groups), np.nan)
    for group in dict.fromkeys(groups):
        if group is None:
            continue
        own = np.array([one == group for one in groups])
        found = _forecast(asked, own)
        seconds[own], size[own] = found.log_seconds, found.log_bytes
    late = np.array([run.status == "timeout" for run in asked.runs]) & np.isfinite(seconds)
    limits = np.log([run.seconds if run.status == "timeout" and run.seconds else 1.0 for run in asked.runs])
    short = np.minimum(seconds - limits, 0.0)[late]
    return Feasible(
        left_out,
        _share(seconds - truth.log_seconds, SECONDS_FACTOR),
        _share(size - truth.log_bytes, BYTES_FACTOR),
        _share(short, SECONDS_FACTOR),
    )


def _forecast(asked: Asked, own: np.ndarray) -> Forecasts:
    known = [run for run, left in zip(asked.runs, own, strict=True) if not left]
    runs = [run for run, left in zip(asked.runs, own, strict=True) if left]
    model = fit_feasibility(known, asked.experience.facts)
    return model.forecast([run.pipeline for run in runs], [view_of(run) for run in runs])


def _share(wrong: Vector, factor: float) -> Share:
    far = np.abs(wrong[np.isfinite(wrong)])
    if not len(far):
        return Share(0, math.nan, math.nan)
    within = float((far <= math.log(factor)).mean())
    return Share(len(far), within, float(np.exp(np.quantile(far, WANTED))))
