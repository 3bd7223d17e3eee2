"""Samplers by name. A new one is one file here, one line in SAMPLERS and one fixture on the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from automl.errors import SamplerError
from automl.samplers.base import Sampler, Setting
from automl.samplers.listed import ListedSampler
from automl.samplers.pge import PgeSampler
from automl.samplers.uniform import RandomSampler

SAMPLERS: Mapping[str, Callable[[Setting], Sampler]] = {
    "random": RandomSampler,
    "pge": PgeSampler,
    "listed": ListedSampler,
}


def make_sampler(name: str, setting: Setting) -> Sampler:
    """SamplerError naming those there are for an unknown name."""
    if name not in SAMPLERS:
        raise SamplerError(f"sampler {name!r} is unknown; use one of {sorted(SAMPLERS)}")
    return SAMPLERS[name](setting)


__all__ = ["SAMPLERS", "Sampler", "Setting", "make_sampler"]
