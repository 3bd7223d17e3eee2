"""What a sampler is: a rule that proposes the next pipeline from what has ended and what is still running.

It keeps nothing between calls: the engine hands it the whole history each time, so a search can be rebuilt from
its rows in any process.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from automl.errors import SamplerError
from automl.priors.prior import Prior
from automl.space import Space
from automl.values import Objective, Outcome, Pipeline, Proposal

#: Draws before a sampler gives up finding a pipeline that is neither running nor tried.
TRIES = 200


@dataclass(frozen=True)
class Setting:
    """What does not change while a search runs."""

    space: Space
    prior: Prior | None
    objectives: tuple[Objective, ...]
    options: Mapping[str, Any]


class Sampler(Protocol):
    """`propose` returns the proposal of trial `number`, or None when there is nothing more to offer."""

    def propose(
        self, number: int, history: Sequence[Outcome], taken: Collection[str], rng: np.random.Generator
    ) -> Proposal | None: ...

    def log_weights(self, pipelines: Sequence[Pipeline], history: Sequence[Outcome]) -> list[float]:
        """ln of how much likelier than a uniform draw each pipeline is now; 0 when alike."""
        ...


def known_options(name: str, given: Mapping[str, Any], known: Collection[str]) -> None:
    """SamplerError naming an option that the sampler does not take."""
    if unknown := sorted(set(given) - set(known)):
        takes = f"it takes {sorted(known)}" if known else "it takes none"
        raise SamplerError(f"sampler {name!r} has no option {unknown[0]!r}; {takes}")
