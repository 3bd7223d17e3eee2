"""The sampler "replay": the best runs of the nearest tasks in turn, then small changes of the own best.

Knows the prior's memory; learns nothing but which of its own trials went well. Simple, and hard to beat while
close relatives are in the store.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from automl.errors import SamplerError
from automl.priors import Memory, Prior
from automl.samplers.base import Sampler, Setting, known_options
from automl.samplers.local import best_in_turn, changed
from automl.samplers.uniform import first_fresh, fresh_uniform
from automl.space import Space
from automl.values import Objective, Outcome, Pipeline, Proposal, is_above_zero, is_finite

TRIES = 60


@dataclass(frozen=True)
class ReplayOptions:
    """As measured beside other samplers on related tasks."""

    tasks: int = 3
    """How many of the nearest tasks are replayed."""
    best: int = 8
    """How many runs of them altogether, and how many own trials are changed later."""
    explore: float = 0.3
    """The share of uniform draws after the replay."""

    def __post_init__(self) -> None:
        for name in ("tasks", "best"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SamplerError(f"{name} must be a whole number from 1, got {value!r}")
        if isinstance(self.explore, bool) or not isinstance(self.explore, int | float):
            raise SamplerError(f"explore must be a number, got {self.explore!r}")
        if not 0 <= self.explore <= 1:
            raise SamplerError(f"explore must lie in [0, 1], got {self.explore!r}")

    @classmethod
    def read(cls, given: Mapping[str, object]) -> ReplayOptions:
        """From JSON data; SamplerError naming what is unknown or out of range."""
        known_options("replay", given, [field.name for field in fields(cls)])
        return cls(**given)  # type: ignore[arg-type]  # __post_init__ checks the values


class ReplaySampler(Sampler):
    """Trials 1 to `best` come from the store, as far as there is one."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.options = ReplayOptions.read(setting.options)
        memory = None if setting.prior is None else setting.prior.memory
        self.listed = [] if memory is None else self._listed(memory)
        self._best: list[Pipeline] = []

    def _listed(self, memory: Memory) -> list[Pipeline]:
        """The best of each of the nearest tasks, taken in turn, each pipeline once."""
        own, options = self.setting.objectives, self.options
        ranked = [
            best_runs(memory, one.task, options.best, own, self.space)
            for one in memory.tasks[: options.tasks]
        ]
        longest = max(map(len, ranked), default=0)
        turns = [runs[place] for place in range(longest) for runs in ranked if place < len(runs)]
        return list({item.key(): item for item in turns}.values())[: options.best]

    def learn(self, history: Sequence[Outcome]) -> None:
        """Keep the own best, by what they dominate together."""
        done = [item for item in history if item.is_success and is_finite(item.seconds)]
        scores, seconds = [item.score or 0.0 for item in done], [item.seconds or 0.0 for item in done]
        rows = best_in_turn(
            scores,
            seconds,
            limit_s=wall_limit(self.setting.prior, history),
            count=self.options.best,
            objectives=self.setting.objectives,
        )
        self._best = [done[row].pipeline for row in rows]

    def propose(self, number: int, taken: Set[str]) -> Proposal | None:
        """The next of the list; then a change of an own best, or a uniform draw."""
        for pipeline in self.listed:
            if pipeline.key() not in taken:
                return Proposal(number, pipeline, "prior")
        rng = self.generator(number)
        if self._best and rng.random() >= self.options.explore:
            found = first_fresh(lambda: self._near_best(rng), taken, TRIES)
            if found is not None:
                return Proposal(number, found, "model")
        uniform = fresh_uniform(self.space, rng, taken)
        return None if uniform is None else Proposal(number, uniform, "uniform")

    def _near_best(self, rng: np.random.Generator) -> Pipeline:
        start = self._best[int(rng.integers(len(self._best)))]
        return changed(self.space, [start], rng)[0]

    def log_weights(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) by method and language model alone: their share among the list and the own best over the
        uniform one.
        """
        liked = [*self.listed, *self._best]
        shares = np.array([self._likes(item, liked) for item in pipelines], dtype=float)
        return np.asarray(np.log(np.maximum(shares, self.options.explore or 1e-6)))

    def _likes(self, pipeline: Pipeline, liked: Sequence[Pipeline]) -> float:
        """1, and more when the share of the liked pipelines with this choice is above the uniform share."""
        if not liked:
            return 1.0
        same = [
            (one.method, one.language_model) == (pipeline.method, pipeline.language_model) for one in liked
        ]
        choices = len(self.space.methods) * max(len(self.space.language_models), 1)
        return self.options.explore + (1 - self.options.explore) * sum(same) / len(liked) * choices


def best_runs(
    memory: Memory, task: str, count: int, objectives: Sequence[Objective], space: Space
) -> list[Pipeline]:
    """The runs of a task that together dominate most, as pipelines of the space."""
    runs = [
        run
        for run in memory.of_task(task)
        if run.is_positive and is_finite(run.seconds) and space.contains(run.pipeline)
    ]
    spent = [run.seconds or 0.0 for run in runs]
    limit = next((run.limits.wall_s for run in runs if run.limits.wall_s), None) or max(spent, default=1.0)
    scores = [run.score or 0.0 for run in runs]
    rows = best_in_turn(scores, spent, limit_s=limit, count=count, objectives=objectives)
    return [runs[row].pipeline for row in rows]


def wall_limit(prior: Prior | None, history: Sequence[Outcome]) -> float:
    """The seconds that a run may take: as the target says, else as the history shows, else an hour."""
    memory = None if prior is None else prior.memory
    wall = None if memory is None else memory.target.limits.wall_s
    if wall is not None and wall > 0 and math.isfinite(wall):
        return wall
    spent = [item.seconds for item in history if is_above_zero(item.seconds)]
    return max(spent) if spent else 3600.0
