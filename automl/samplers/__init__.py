"""Samplers by name: "random", "listed", "expert", "pge", "replay", "process", "tpe" and "nsga2".

Knows how to make them, nothing of what they do. A new sampler is one file, one line here and one fixture on
the suite in `automl.testing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from automl.errors import SamplerError
from automl.samplers.base import Sampler, Setting
from automl.samplers.expert import ExpertSampler
from automl.samplers.listed import ListedSampler
from automl.samplers.nsga2 import Nsga2Sampler
from automl.samplers.pge import PgeOptions, PgeSampler
from automl.samplers.process import ProcessSampler
from automl.samplers.replay import ReplaySampler
from automl.samplers.tpe import TpeSampler
from automl.samplers.uniform import RandomSampler

SAMPLERS: Mapping[str, Callable[[Setting], Sampler]] = {
    "expert": ExpertSampler,
    "listed": ListedSampler,
    "nsga2": Nsga2Sampler,
    "pge": PgeSampler,
    "process": ProcessSampler,
    "random": RandomSampler,
    "replay": ReplaySampler,
    "tpe": TpeSampler,
}


def make_sampler(name: str, setting: Setting) -> Sampler:
    """A sampler by name; SamplerError for an unknown name or options that it does not take."""
    if name not in SAMPLERS:
        raise SamplerError(f"sampler {name!r} is unknown; use one of {sorted(SAMPLERS)}")
    return SAMPLERS[name](setting)


__all__ = ["SAMPLERS", "PgeOptions", "Sampler", "Setting", "make_sampler"]
