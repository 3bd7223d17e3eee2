"""The candidates of the sampler "process": uniform draws, the nearest tasks' best, changes of the own best.

Knows the base and how to place pipelines in it; knows no outcome but the own best it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automl.estimators.kernels import describe
from automl.estimators.opinions import Placed
from automl.estimators.physics import Costed
from automl.samplers.local import beside_in_rows, changed
from automl.samplers.process_base import Base
from automl.samplers.replay import best_runs
from automl.values import Objective, Pipeline

#: The best so many of so many nearest tasks are candidates, each with so many small changes.
NEAREST, BEST, CHANGES = 5, 10, 2


@dataclass(frozen=True)
class Candidates:
    """n pipelines, their keys, what they cost, and each head's place for them."""

    pipelines: Sequence[Pipeline]
    keys: Sequence[str]
    costed: Costed
    cold: Placed
    warm: Placed | None

    def __len__(self) -> int:
        return len(self.pipelines)

    def beside(self, other: Candidates) -> Candidates:
        """Both, one after the other."""
        warm = None
        if self.warm is not None and other.warm is not None:
            warm = self.warm.beside(other.warm)
        return Candidates(
            [*self.pipelines, *other.pipelines],
            [*self.keys, *other.keys],
            self.costed.beside(other.costed),
            self.cold.beside(other.cold),
            warm,
        )


def placed(base: Base, pipelines: Sequence[Pipeline], *, once: bool = True) -> Candidates:
    """Pipelines as candidates, each once or all in their order."""
    keys, chosen = [one.key() for one in pipelines], list(pipelines)
    if once:
        unique = dict(zip(keys, chosen, strict=True))
        keys, chosen = list(unique), list(unique.values())
    described = describe(base.describer, chosen, [base.memory.target] * len(chosen))
    warm = None if base.warm is None else base.warm.place(described)
    costed = base.physics.cost(chosen)
    return Candidates(chosen, keys, costed, base.cold.place(described), warm)


def first_pool(
    base: Base, rng: np.random.Generator, count: int, objectives: Sequence[Objective]
) -> Candidates:
    """`count` uniform draws; with a store that is believed, the nearest tasks' best and changes of them too."""
    drawn = base.space.sample(rng, count)
    if base.trust >= 0.3:
        near = [
            pipeline
            for one in base.memory.tasks[:NEAREST]
            for pipeline in best_runs(base.memory, one.task, BEST, objectives, base.space)
        ]
        drawn += near + changed(base.space, near * CHANGES, rng)
    return placed(base, drawn)


def near_pool(base: Base, best: Sequence[Pipeline], rng: np.random.Generator, count: int) -> list[Pipeline]:
    """`count` candidates: 60 % changes of the own best, the rest uniform; the own best on other fractions beside."""
    near = round(0.6 * count) if best else 0
    starts = [best[place % len(best)] for place in range(near)]
    other_rows = beside_in_rows(base.space, best)
    return other_rows + changed(base.space, starts, rng) + base.space.sample(rng, count - near)
