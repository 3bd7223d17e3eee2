"""Optuna's samplers as arms: alone, with the nearest tasks' best first, with a portfolio first.

Knows how to ask and tell Optuna. Everybody sees the same outcomes, and a failure is told as (score 0, the time limit):
told as FAIL it would leave the models.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from automl.priors import Prior
from automl.samplers.base import Setting
from automl.samplers.replay import ReplaySampler
from automl.space import Choice, Flag, Integer, Real, Space
from automl.values import Outcome, Pipeline
from search.portfolio import portfolio

#: So many pipelines come first.
ENQUEUED = 10
First = Callable[[Space, Prior | None], list[Pipeline]]


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


def nearest_best(space: Space, prior: Prior | None) -> list[Pipeline]:
    """The best of the three nearest tasks in turn."""
    return ReplaySampler(Setting(space, prior, options={"best": ENQUEUED})).listed


class Portfolio:
    """Remembers the portfolio of the last store: the seeds of a task share it."""

    def __init__(self) -> None:
        self.of: Prior | None = None
        self.found: list[Pipeline] = []

    def __call__(self, space: Space, prior: Prior | None) -> list[Pipeline]:
        if prior is None or prior is not self.of:
            self.of, self.found = prior, portfolio(space, prior, ENQUEUED)
        return self.found


def optuna_start(kind: str, first: First | None = None) -> Callable[..., Optuna]:
    """Starts a search with a sampler of Optuna, some pipelines first."""

    def start(space: Space, prior: Prior | None, seed: int, limit_s: float) -> Optuna:
        return Optuna(kind, space, [] if first is None else first(space, prior), seed, limit_s)

    return start
