"""Predictions of every run by an estimator that has not seen it: rows, tasks or language models left out.

Knows estimators by name and experience; knows no measure. A task and all others of its source data set are left
out together; a language model with all its runs.

    rows    five parts of the runs, drawn once: what is known of the very task helps
    task    each source data set in turn: a task never seen
    model   each language model in turn (eight parts where there are more): one never seen
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from automl.errors import EstimatorError
from automl.estimators.base import Estimator, Predictions, learnt
from automl.estimators.feasibility.forecast import view_of
from automl.estimators.pool import fit
from automl.estimators.reading import Experience
from automl.values import Evidence

FOLDS = ("rows", "task", "model")
PARTS, MOST_MODELS, SEED = 5, 8, 20261121
LEAST_RUNS, LEAST_SOURCES = 20, 3

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Fold:
    """Runs to learn from and runs to predict, by place."""

    name: str
    known: NDArray[np.int64]
    asked: NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """Runs with their source data sets, in one order for all estimators."""

    runs: Sequence[Evidence]
    sources: Sequence[str]
    experience: Experience

    @classmethod
    def of(cls, experience: Experience) -> Asked:
        """Runs that say something, each once. EstimatorError when there are too few to judge anything."""
        runs = learnt(experience.runs)
        sources = [experience.source_of(run) for run in runs]
        if len(runs) < LEAST_RUNS or len(set(sources)) < LEAST_SOURCES:
            raise EstimatorError(
                f"{len(runs)} runs of {len(set(sources))} data sets say something; an evaluation needs "
                f"{LEAST_RUNS} of {LEAST_SOURCES}: give it more files with --experience"
            )
        return cls(runs, sources, experience)


def folds_of(kind: str, asked: Asked) -> Iterator[Fold]:
    """The parts left out in turn. EstimatorError for an unknown kind."""
    for name, part in _parts(kind, asked):
        yield Fold(name, np.flatnonzero(~part), np.flatnonzero(part))


def _parts(kind: str, asked: Asked) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    if kind == "rows":
        drawn = np.random.default_rng(SEED).permutation(len(asked.runs)) % PARTS
        yield from ((f"part {part + 1}", drawn == part) for part in range(PARTS))
    elif kind == "task":
        sources = np.array(asked.sources)
        yield from ((str(name), sources == name) for name in dict.fromkeys(asked.sources))
    elif kind == "model":
        models = [run.pipeline.language_model for run in asked.runs]
        names = sorted({model for model in models if model is not None})
        order = np.random.default_rng(SEED).permutation(len(names)) % MOST_MODELS
        part_of = {name: int(part) for name, part in zip(names, order, strict=True)}
        for part in sorted(set(part_of.values())):
            own = np.array([part_of.get(model or "") == part for model in models])
            if not own.all():
                yield next(name for name, at in part_of.items() if at == part), own
    else:
        raise EstimatorError(f"fold {kind!r} is unknown; use one of {', '.join(FOLDS)}")


def predicted(name: str, kind: str, asked: Asked, seed: int, progress: Progress) -> Predictions:
    """(n,) predictions; NaN for runs that are never left out (those without a language model, by model)."""
    found = _empty(len(asked.runs))
    parts = list(folds_of(kind, asked))
    for number, fold in enumerate(parts, start=1):
        progress(f"{kind} {number}/{len(parts)}: {name} without {fold.name}")
        _fill(found, fold, ask(fitted(name, fold, asked, seed), fold, asked))
    return found


def fitted(name: str, fold: Fold, asked: Asked, seed: int) -> Estimator:
    """An estimator of what the fold leaves."""
    runs = [asked.runs[place] for place in fold.known]
    return fit(name, runs, asked.experience.facts, sources=asked.experience.sources, seed=seed)


def ask(estimator: Estimator, fold: Fold, asked: Asked) -> Predictions:
    """What it says of what was left out."""
    runs = [asked.runs[place] for place in fold.asked]
    return estimator.predict([run.pipeline for run in runs], [view_of(run) for run in runs])


def _empty(count: int) -> Predictions:
    shapes = {"kinds": (count, 4)}
    return Predictions(
        **{one.name: np.full(shapes.get(one.name, count), np.nan) for one in fields(Predictions)}
    )


def _fill(whole: Predictions, fold: Fold, part: Predictions) -> None:
    for one in fields(Predictions):
        getattr(whole, one.name)[fold.asked] = getattr(part, one.name)
