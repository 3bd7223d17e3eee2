"""The best trial of a search and its front, by what the search was asked to optimise.

It knows trials that ended and the names of objectives, which are their columns; no request and no page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from uuid import UUID

from knowledgebase.core.fronts import cheapest_places
from knowledgebase.searches.models import Trial

USUAL_OBJECTIVES = ("score", "seconds")
"""What counts unless something else is said: the score upwards; seconds, as every other objective, downwards."""


@dataclass(frozen=True)
class FrontPoint:
    """One trial that no other beats in every objective of its search at once.

    Score in [0, 1], higher is better; seconds, bytes, weights and joules, each None where it was not measured.
    """

    trial: int
    trial_id: UUID
    score: float
    seconds: float
    memory_bytes: int | None
    trainable_parameters: int | None
    energy_j: float | None
    method: str
    language_model: str
    hyperparameters: dict[str, object]


def point_of(trial: Trial) -> FrontPoint:
    """A scored trial as reports show it."""
    return FrontPoint(
        trial=trial.number,
        trial_id=trial.pk,
        score=trial.score or 0.0,
        seconds=trial.seconds or 0.0,
        memory_bytes=trial.memory_bytes,
        trainable_parameters=trial.trainable_parameters,
        energy_j=trial.energy_j,
        method=trial.method,
        language_model=trial.language_model,
        hyperparameters=trial.hyperparameters,
    )


def best_trial(trials: Sequence[Trial], objectives: Sequence[str] = USUAL_OBJECTIVES) -> Trial | None:
    """The highest score where it is an objective, else the least of the first; of equal ones what costs less, in the
    order in which the costs were asked for, then the quicker. Only trials with a score count.
    """
    ordered = sorted(objectives, key=lambda name: name != "score")
    names = [*ordered, *(name for name in USUAL_OBJECTIVES if name not in ordered)]
    scored = [trial for trial in trials if trial.score is not None]
    return min(scored, key=lambda trial: ([_cost(trial, name) for name in names], trial.number), default=None)


def front_of(trials: Sequence[Trial], objectives: Sequence[str] = USUAL_OBJECTIVES) -> tuple[FrontPoint, ...]:
    """Trials that no other beats in all objectives, rising by the first cost: from quick to good, as a rule."""
    measured = sorted(measured_in(trials, objectives), key=lambda trial: trial.number)
    ordered = sorted(objectives, key=lambda name: name == "score")
    places = cheapest_places([_cost(trial, name) for name in ordered] for trial in measured)
    return tuple(point_of(measured[place]) for place in places)


def measured_in(trials: Sequence[Trial], objectives: Sequence[str]) -> list[Trial]:
    """The trials that have a score and every objective's value: those that can be compared."""
    names = {"score", *objectives}
    return [trial for trial in trials if all(getattr(trial, name) is not None for name in names)]


def is_matched(trial: Trial, front: Sequence[FrontPoint], objectives: Sequence[str]) -> bool:
    """Whether some point of a front is at least as good as the trial in every objective."""
    return any(all(_cost(one, name) <= _cost(trial, name) for name in objectives) for one in front)


def _cost(one: Trial | FrontPoint, name: str) -> float:
    """What an objective is judged by, smaller being better; what is missing is the worst there is."""
    value: float | None = getattr(one, name)
    if value is None:
        return inf
    return -value if name == "score" else value
