"""What every sampler is: given the history of a search, it proposes the next pipeline.

Knows no storage and no clock. A sampler is a pure function of (space, prior, objectives, seed, options) and
the history it was last given; it may keep what it worked out, but nothing that the history does not
determine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from automl.errors import SamplerError
from automl.priors import Prior
from automl.space import Space
from automl.values import SCORE, SECONDS, Objective, Outcome, Pipeline, Proposal


@dataclass(frozen=True)
class Setting:
    """What a sampler is made from; `options` are its own, as JSON data.

    SamplerError for a prior that was built for another space.
    """

    space: Space
    prior: Prior | None = None
    objectives: tuple[Objective, ...] = (SCORE, SECONDS)
    seed: int = 0
    options: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.prior is not None and self.prior.space != self.space:
            raise SamplerError(
                f"the prior was built for other decisions ({self.prior.space.name!r}) than the search takes"
                f" ({self.space.name!r}): {_told_apart(self.prior.space, self.space)};"
                " build it again for this space"
            )


def _told_apart(old: Space, new: Space) -> str:
    """What a prior's space has that a search's has not, what it lacks, or what is another there: one of each."""
    theirs, ours = _parts(old), _parts(new)
    alone = [name for name in theirs if name not in ours]
    lacking = [name for name in ours if name not in theirs]
    other = [name for name in ours if name in theirs and theirs[name] != ours[name]]
    said = [
        f"{words} {names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}"
        for words, names in (
            ("the prior alone has", alone),
            ("it knows nothing of", lacking),
            ("another is", other),
        )
        if names
    ]
    return ", ".join(said) or "they have another name or order"


def _parts(space: Space) -> dict[str, object]:
    found: dict[str, object] = dict.fromkeys(space.language_models, "")
    for method in space.methods:
        found[f"the method {method.name}"] = (method.needs_language_model, method.family)
        for name, parameter in method.parameters.items():
            found[f"{method.name}.{name}"] = (parameter, method.conditions.get(name))
    return found


class Sampler(ABC):
    """Base of all samplers; the conformance suite is `automl.testing.samplers.SamplerSuite`."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.space = setting.space

    def generator(self, number: int) -> np.random.Generator:
        """The random numbers of one trial: derived from the seed and the trial's number alone."""
        return np.random.default_rng([self.setting.seed, number])

    @abstractmethod
    def learn(self, history: Sequence[Outcome]) -> None:
        """Take the complete history, in trial order, in place of what was known before."""

    def observe(self, outcome: Outcome) -> None:  # noqa: B027  # may stay empty
        """Work out at once what one more outcome teaches, which follows all that is known in trial order.

        What is kept then is what `learn` would keep of the longer history. A sampler whose lessons do not add up
        one by one waits for `learn`: it is called before every proposal.
        """

    @abstractmethod
    def propose(self, number: int, taken: Set[str]) -> Proposal | None:
        """A proposal for trial `number`, None when there is nothing left to propose.

        `taken` are the keys of pipelines that are pending or were tried: they are not proposed again.
        """

    @abstractmethod
    def log_weights(self, pipelines: Sequence[Pipeline]) -> NDArray[np.float64]:
        """(n,) ln of how many times as likely each pipeline is to be proposed as under a uniform draw.

        Finite or -inf; all 0 for uniform sampling.
        """


def known_options(name: str, given: Mapping[str, object], known: Collection[str]) -> None:
    """SamplerError naming an option that the sampler does not take."""
    if unknown := sorted(set(given) - set(known)):
        takes = f"it takes {sorted(known)}" if known else "it takes none"
        raise SamplerError(f"sampler {name!r} has no option {unknown[0]!r}; {takes}")
