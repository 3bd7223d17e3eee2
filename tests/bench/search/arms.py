"""The samplers under comparison: ours and the published priors through the engine, others where they are installed.

Knows who takes part and with which settings; knows no family and no figures. A rival is whoever the bars compare with.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from automl.engine import Engine
from automl.priors import PRIORS, Defects, Prior, PriorOptions, Rate, prior_options
from automl.samplers import PgeOptions
from automl.space import Space
from automl.values import Outcome, Pipeline
from search import syne
from search.fingerprint import fingerprint
from search.foreign import Portfolio, nearest_best, optuna_start


class Asked(Protocol):
    """One search: a pipeline to try, then how it ended."""

    def ask(self) -> Pipeline | None: ...

    def tell(self, outcome: Outcome) -> None: ...


@dataclass(frozen=True)
class Arm:
    """A sampler with its settings; `prior` says what it is given: "none", "task" (no store) or "store"."""

    name: str
    start: Callable[[Space, Prior | None, int, float], Asked]
    prior: str
    modules: Sequence[str]
    """Where its code begins; what that imports is found out."""
    prior_options: PriorOptions | None = None
    """How its prior is built; None is the library's default."""
    rival: bool = True
    """Whether the bars compare with it: our own variants are no rivals of ours."""
    settings: object = None
    """Whatever else it was set to."""
    libraries: Sequence[str] = ()
    """Distributions that do its work."""
    quick: bool = True
    """Whether it takes part in a quick run."""

    def digest(self) -> str:
        """Of all that it runs: a search is done again when that has changed."""
        said = (self.name, self.prior, self.prior_options, self.settings)
        return fingerprint(said, self.modules, store=self.prior != "none", libraries=self.libraries)


@dataclass
class Own:
    """One of the library's samplers."""

    engine: Engine

    def ask(self) -> Pipeline | None:
        found = self.engine.ask()
        return found[0].pipeline if found else None

    def tell(self, outcome: Outcome) -> None:
        self.engine.tell(outcome)
        self.engine.sampler.learn(self.engine.history)


#: The files of samplers whose module has another name.
FILES = {"random": "uniform"}


def own(
    name: str,
    sampler: str,
    prior: str,
    settings: Mapping[str, object] | None = None,
    *,
    built: PriorOptions | None = None,
    rival: bool = True,
    quick: bool = True,
) -> Arm:
    """One of the library's samplers as an arm."""

    def start(space: Space, given: Prior | None, seed: int, limit_s: float) -> Asked:
        return Own(Engine(space, sampler, prior=given, seed=seed, options=settings))

    modules = ("automl.engine", f"automl.samplers.{FILES.get(sampler, sampler)}")
    return Arm(name, start, prior, modules, built, rival, settings, quick=quick)


def xautolm(name: str, **changed: Any) -> Arm:
    """A prior family of the published system, in its own sampler at its own settings, defects and all but
    one: it may not repeat itself, because a repeated pipeline cannot be told apart here.
    """
    options = PriorOptions.reference(**changed)
    kept = tuple(one for one in Defects.reference().names() if one != "repeat_pipelines")
    settings = {**asdict(PgeOptions.reference()), "defects": kept}
    return own(f"xautolm-{name}", "pge", "store", settings, built=options)


def lines() -> list[str]:
    """The first name of every different prior: the 35 names of the result files are 23 lines of configuration."""
    first: dict[str, str] = {}
    for name in PRIORS:
        first.setdefault(repr(prior_options(name)), name)
    return list(first.values())


def named(name: str) -> Arm:
    """A prior by its name in the published result files, without defects, in the published sampler's settings."""
    settings = {**asdict(PgeOptions.reference()), "defects": ()}
    arm = name.replace("/", "-")
    return own(arm, "pge", "store", settings, built=prior_options(name), quick=arm == name)


def _optuna() -> list[Arm]:
    """TPE and NSGA-II, each alone, with the nearest tasks' best and with a portfolio first."""
    found = []
    for name, kind in (("tpe", "tpe"), ("optuna-nsga2", "nsga2")):
        for ending, first in (("", None), ("-neighbours", nearest_best), ("-portfolio", Portfolio())):
            libraries = ("optuna", "scikit-learn") if ending == "-portfolio" else ("optuna",)
            start = optuna_start(kind, first)
            prior = "none" if first is None else "store"
            found.append(Arm(name + ending, start, prior, ("search.foreign",), libraries=libraries))
    return found


def syne_arm(name: str) -> Arm:
    """A transfer scheduler of Syne Tune; `search.syne` says how it is told what."""

    def start(space: Space, prior: Prior | None, seed: int, limit_s: float) -> Asked:
        return syne.Syne(name, space, prior, seed, limit_s)

    modules = ("search.syne", "search.syne_child")
    return Arm(f"syne-{name}", start, "store", modules, settings=syne.requirements(), quick=False)


def arms() -> list[Arm]:
    """All arms, those of Optuna and of Syne Tune only where those can be had."""
    evolution = {"population": 20, "selection": 0.25}
    found = [
        own("random", "random", "none"),
        own("expert", "expert", "none"),
        own("pge-cold", "pge", "none"),
        own("pge-cold-20", "pge", "none", evolution),
        own("pge-warm", "pge", "store"),
        xautolm("fixed"),
        xautolm("adaptive", positive=Rate("adaptive", 1.0), negative=Rate("adaptive", 1.0)),
        xautolm("fading", beta_scale=1.0),
        xautolm("front", utility="linear_front"),
        *map(named, lines()),
        own("nsga2", "nsga2", "none"),
        own("replay", "replay", "store"),
        own("process-cold", "process", "task", rival=False),
        own("process", "process", "store", rival=False),
        own("process-fast", "process", "store", {"fast": True}, rival=False),
    ]
    if importlib.util.find_spec("optuna") is not None:
        found += _optuna()
    return found + [syne_arm(name) for name in syne.NAMES if syne.available()]
