"""Search for language-model fine-tuning pipelines that starts from what earlier runs taught.

Knows neither the hub nor the logging client: tasks, evidence and outcomes come from the caller as plain
values. Start at `Engine` (ask and tell), `tunelore` or `preset` (spaces) and `build_prior`. What stands here is
imported from where it lives when it is first used: importing the library needs numpy only, importing a part of it
that part only, and everything heavier is looked up when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

#: Where each name lives.
_HOMES = {
    "automl.engine": ("Engine",),
    "automl.errors": ("AutomlError", "EvidenceError", "SamplerError", "SourceError", "SpaceError"),
    "automl.gate": ("GateOptions",),
    "automl.priors": ("Defects", "PRIORS", "Prior", "PriorOptions", "build_prior", "prior_options"),
    "automl.samplers": ("SAMPLERS",),
    "automl.space": ("Choice", "Flag", "Integer", "Method", "Real", "Space"),
    "automl.spaces": ("answers", "preset", "read_space", "space_from", "tunelore", "write_space"),
    "automl.values": (
        "ENERGY", "Evidence", "Limits", "MEMORY", "Objective", "Outcome", "PARAMETERS", "Pipeline", "Proposal",
        "SCORE", "SECONDS", "TaskView",
    ),
}  # fmt: skip

if TYPE_CHECKING:
    from automl.engine import Engine
    from automl.errors import AutomlError, EvidenceError, SamplerError, SourceError, SpaceError
    from automl.gate import GateOptions
    from automl.priors import PRIORS, Defects, Prior, PriorOptions, build_prior, prior_options
    from automl.samplers import SAMPLERS
    from automl.space import Choice, Flag, Integer, Method, Real, Space
    from automl.spaces import answers, preset, read_space, space_from, tunelore, write_space
    from automl.values import (
        ENERGY,
        MEMORY,
        PARAMETERS,
        SCORE,
        SECONDS,
        Evidence,
        Limits,
        Objective,
        Outcome,
        Pipeline,
        Proposal,
        TaskView,
    )
else:

    def __getattr__(name: str) -> object:
        for home, names in _HOMES.items():
            if name in names:
                return getattr(import_module(home), name)
        raise AttributeError(f"automl has no {name!r}; it offers {', '.join(__all__)} and its modules")


__all__ = [
    "ENERGY",
    "MEMORY",
    "PARAMETERS",
    "PRIORS",
    "SAMPLERS",
    "SCORE",
    "SECONDS",
    "AutomlError",
    "Choice",
    "Defects",
    "Engine",
    "Evidence",
    "EvidenceError",
    "Flag",
    "GateOptions",
    "Integer",
    "Limits",
    "Method",
    "Objective",
    "Outcome",
    "Pipeline",
    "Prior",
    "PriorOptions",
    "Proposal",
    "Real",
    "SamplerError",
    "SourceError",
    "Space",
    "SpaceError",
    "TaskView",
    "answers",
    "build_prior",
    "preset",
    "prior_options",
    "read_space",
    "space_from",
    "tunelore",
    "write_space",
]
