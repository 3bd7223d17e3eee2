"""The samplers under comparison: ours through the engine, others through Optuna where it is installed.

Knows how to ask and tell each; knows no family and no figures. Everybody sees the same outcomes, and a failure
is told to Optuna as (score 0, the time limit): told as FAIL it would leave their models.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from automl.engine import Engine
from automl.priors import Defects, Prior, PriorOptions, Rate
from automl.samplers import PgeOptions, Setting, make_sampler
from automl.space import Choice, Flag, Integer, Real, Space
from automl.values import Outcome, Pipeline
from search import syne

AUTOML = Path(__file__).resolve().parents[3] / "automl"
#: Optuna gets the best of the three nearest tasks first, as many as here.
ENQUEUED = 10


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
    files: Sequence[str]
    prior_options: PriorOptions | None = None
    """How its prior is built; None is the library's default."""
    rival: bool = True
    """Whether the bars compare with it: our own variants are no rivals of ours."""

    def digest(self) -> str:
        """Of the code that it runs: a search is done again when that has changed."""
        own = hashlib.sha256(f"{self.name} {self.prior_options}".encode())
        for pattern in self.files:
            for path in sorted(AUTOML.glob(pattern)):
                own.update(path.read_bytes())
        return own.hexdigest()[:12]


@dataclass
class Own:
    """One of the library's samplers."""

    engine: Engine
    asked: int = field(default=0)

    def ask(self) -> Pipeline | None:
        found = self.engine.ask()
        return found[0].pipeline if found else None

    def tell(self, outcome: Outcome) -> None:
        self.engine.tell(outcome)
        self.engine.sampler.learn(self.engine.history)


def own(sampler: str, options: Mapping[str, object] | None = None) -> Callable[..., Asked]:
    """Starts a search with one of the library's samplers."""

    def start(space: Space, prior: Prior | None, seed: int, limit_s: float) -> Asked:
        return Own(Engine(space, sampler, prior=prior, seed=seed, options=options))

    return start


class Optuna:
    """TPE or NSGA-II of Optuna, two objectives, over the conditional space define-by-run."""

    def __init__(self, kind: str, space: Space, first: Sequence[Pipeline], seed: int, limit_s: float) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        makers: dict[str, Callable[[], Any]] = {
            "tpe": lambda: optuna.samplers.TPESampler(seed=seed),
            "nsga2": lambda: optuna.samplers.NSGAIISampler(population_size=20, seed=seed),
        }
        self.study = optuna.create_study(directions=["maximize", "minimize"], sampler=makers[kind]())
        self.space, self.limit_s = space, limit_s
        for pipeline in first:
            self.study.enqueue_trial(_names(pipeline))
        self.trial: Any = None

    def ask(self) -> Pipeline:
        self.trial = self.study.ask()
        method = self.space.method(self._pick("method", Choice(tuple(m.name for m in self.space.methods))))
        model = None
        if method.needs_language_model:
            model = self._pick("language_model", Choice(self.space.language_models))
        values = {name: self._pick(f"{method.name}.{name}", item) for name, item in method.parameters.items()}
        return Pipeline(method.name, values, model, self.space.name)

    def _pick(self, name: str, item: Real | Integer | Choice | Flag) -> Any:
        if isinstance(item, Real):
            return self.trial.suggest_float(name, item.low, item.high, log=item.log)
        if isinstance(item, Integer):
            return self.trial.suggest_int(name, item.low, item.high, log=item.log)
        options = (False, True) if isinstance(item, Flag) else item.options
        return self.trial.suggest_categorical(name, options)

    def tell(self, outcome: Outcome) -> None:
        good = outcome.is_success
        self.study.tell(self.trial, [outcome.score, outcome.seconds] if good else [0.0, self.limit_s])


def _names(pipeline: Pipeline) -> dict[str, object]:
    found = {f"{pipeline.method}.{name}": value for name, value in pipeline.hyperparameters.items()}
    found["method"] = pipeline.method
    return found | ({} if pipeline.language_model is None else {"language_model": pipeline.language_model})


def nearest_best(space: Space, prior: Prior | None, seed: int) -> list[Pipeline]:
    """The best of the three nearest tasks in turn."""
    listed = make_sampler("replay", Setting(space, prior, options={"best": ENQUEUED}))
    return listed.listed  # type: ignore[attr-defined, no-any-return]


def portfolio(space: Space, prior: Prior | None, seed: int) -> list[Pipeline]:
    """The proposals of our own sampler before any trial: each the largest expected gain beside the others."""
    return [one.pipeline for one in Engine(space, "process", prior=prior, seed=seed).ask(ENQUEUED)]


def optuna_arm(
    kind: str, first: Callable[[Space, Prior | None, int], list[Pipeline]] | None = None
) -> Callable[..., Asked]:
    """Starts a search with a sampler of Optuna, some pipelines first."""

    def start(space: Space, prior: Prior | None, seed: int, limit_s: float) -> Asked:
        return Optuna(kind, space, [] if first is None else first(space, prior, seed), seed, limit_s)

    return start


def syne_arm(name: str) -> Arm:
    """A transfer scheduler of Syne Tune; `search.syne` says how it is told what."""

    def start(space: Space, prior: Prior | None, seed: int, limit_s: float) -> Asked:
        return syne.Syne(name, space, prior, seed, limit_s)

    return Arm(f"syne-{name}", start, "store", ("space/*.py", "../tests/bench/search/syne*.py"))


CORE = (
    "values.py",
    "engine.py",
    "fronts.py",
    "neighbours.py",
    "space/*.py",
    "spaces/*.py",
    "samplers/base.py",
)
REPLAY = (*CORE, "priors/memory.py", "samplers/replay.py", "samplers/local.py", "samplers/uniform.py")
PGE = (*CORE, "priors/*.py", "samplers/pge.py", "samplers/ranking.py", "samplers/uniform.py")
PROCESS = (*REPLAY, "estimators/*.py", "samplers/process*.py")


def xautolm(name: str, **changed: Any) -> Arm:
    """A prior family of the published system, in its own sampler at its own settings, defects and all but
    one: it may not repeat itself, because a repeated pipeline cannot be told apart here.
    """
    options = PriorOptions.reference(**changed)
    kept = tuple(one for one in Defects.reference().names() if one != "repeat_pipelines")
    settings = {**asdict(PgeOptions.reference()), "defects": kept}
    return Arm(f"xautolm-{name}", own("pge", settings), "store", PGE, options)


def arms() -> list[Arm]:
    """All arms, those of Optuna only where it can be imported."""
    evolution = {"population": 20, "selection": 0.25}
    found = [
        Arm("random", own("random"), "none", (*CORE, "samplers/uniform.py")),
        Arm("expert", own("expert"), "none", (*CORE, "samplers/uniform.py", "samplers/expert.py")),
        Arm("pge-cold", own("pge"), "none", PGE),
        Arm("pge-cold-20", own("pge", evolution), "none", PGE),
        Arm("pge-warm", own("pge"), "store", PGE),
        xautolm("fixed"),
        xautolm("adaptive", positive=Rate("adaptive", 1.0), negative=Rate("adaptive", 1.0)),
        xautolm("fading", beta_scale=1.0),
        xautolm("front", utility="linear_front"),
        Arm("nsga2", own("nsga2"), "none", (*CORE, "samplers/nsga2.py", "samplers/uniform.py")),
        Arm("replay", own("replay"), "store", REPLAY),
        Arm("process-cold", own("process"), "task", PROCESS, rival=False),
        Arm("process", own("process"), "store", PROCESS, rival=False),
        Arm("process-fast", own("process", {"fast": True}), "store", PROCESS, rival=False),
    ]
    if importlib.util.find_spec("optuna") is not None:
        found += [
            Arm("tpe", optuna_arm("tpe"), "none", ("space/*.py",)),
            Arm("tpe-neighbours", optuna_arm("tpe", nearest_best), "store", REPLAY),
            Arm("tpe-portfolio", optuna_arm("tpe", portfolio), "store", PROCESS, rival=False),
            Arm("optuna-nsga2", optuna_arm("nsga2"), "none", ("space/*.py",)),
        ]
    return found + [syne_arm(name) for name in syne.NAMES if syne.available()]
