"""What the sampler "process" works out of a store once: costs, scores, and whether to believe either.

Knows priors and estimators; knows no history and no seed, so it is kept per prior and shared by searches.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from automl.estimators.features import Describer
from automl.estimators.kernels import USUAL, describe
from automl.estimators.opinions import Head
from automl.estimators.physics import Physics, Runs, fit_physics
from automl.estimators.scores import Scale, Store, build, known_of, nearness, usual_length
from automl.neighbours import between
from automl.priors import Memory, Prior
from automl.space import Space
from automl.values import Evidence, Pipeline, TaskView

#: From which rank correlation on tasks left out a store's scores are believed at first, and how much. Permuted
#: stores reach 0.12 by chance.
TRUST = ((0.3, 0.85), (0.2, 0.4))
MAX_KEPT = 8


@dataclass(frozen=True)
class Base:
    """Everything about a search that its own runs do not change."""

    space: Space
    memory: Memory
    describer: Describer
    physics: Physics
    cold: Head
    warm: Head | None
    trust: float
    """The chance, before any own run, that the store is right about scores."""
    agreement: float = 0.0
    """Median rank correlation of the store's scores with those of a task left out."""
    evidence: Sequence[Evidence] = ()
    """The runs that the store of the warm head was made of."""


_kept: OrderedDict[str, Base] = OrderedDict()
_lock = Lock()


def base_of(space: Space, prior: Prior | None) -> Base:
    """What the prior says, worked out once per prior."""
    if prior is None:
        return _build(space, Memory(TaskView("unknown")))
    with _lock:
        known = _kept.get(prior.digest)
    if known is not None and known.space == space:
        return known
    found = _build(space, prior.memory or Memory(TaskView("unknown")))
    with _lock:
        _kept[prior.digest] = found
        while len(_kept) > MAX_KEPT:
            _kept.popitem(last=False)
    return found


def _build(space: Space, memory: Memory) -> Base:
    pipelines = [run.pipeline for run in memory.runs]
    describer = Describer(space, memory.facts, pipelines)
    views = [_view(run) for run in memory.runs]
    names = {one.task: place for place, one in enumerate(memory.tasks)}
    tasks = np.array([names[run.task] for run in memory.runs], dtype=np.int64)
    physics = fit_physics(describer, memory.target, Runs(memory.runs, views, tasks))
    store, evidence = _store(describer, memory, views, tasks)
    trust = _trust(store)
    if store is None or not trust:
        agreement = 0.0 if store is None else store.agreement
        return Base(space, memory, describer, physics, Head(USUAL, Scale()), None, 0.0, agreement)
    cold, warm = Head(store.shares, store.scale), Head(store.shares, store.scale, store)
    return Base(space, memory, describer, physics, cold, warm, trust, store.agreement, evidence)


def _view(run: Evidence) -> TaskView:
    return TaskView(run.task, run.metafeatures, run.system, run.limits, run.train_rows)


def _store(
    describer: Describer, memory: Memory, views: Sequence[TaskView], tasks: np.ndarray
) -> tuple[Store | None, list[Evidence]]:
    good = [place for place, run in enumerate(memory.runs) if run.is_positive]
    if not good:
        return None, []
    pipelines: list[Pipeline] = [memory.runs[place].pipeline for place in good]
    described = describe(describer, pipelines, [views[place] for place in good])
    scores = np.array([memory.runs[place].score for place in good], dtype=float)
    features = {run.task: run.metafeatures for run in memory.runs}
    apart = between({one.task: features[one.task] for one in memory.tasks})
    length = usual_length(apart)
    far = np.array([one.distance for one in memory.tasks])
    store = build(known_of(described, tasks[good], scores), nearness(apart, length), nearness(far, length))
    return store, [] if store is None else [memory.runs[good[row]] for row in store.rows]


def _trust(store: Store | None) -> float:
    if store is None:
        return 0.0
    return next((trust for least, trust in TRUST if store.agreement > least), 0.0)
