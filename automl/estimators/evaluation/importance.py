"""Which columns carry an estimator: what is lost on tasks left out when a column is dealt out anew.

Knows estimators that learn from columns; knows no others. Breiman 2001, "Random Forests", section 10.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from automl.errors import EstimatorError
from automl.estimators.base import Predictions
from automl.estimators.evaluation.folds import Asked, Fold, Progress, fitted, folds_of
from automl.estimators.evaluation.measures import MEASURES, Truth, truth_of
from automl.estimators.feasibility.forecast import view_of
from automl.estimators.pool.assembled import Assembled

REPEATS, SEED = 3, 20261121
JUDGED = ("spearman", "seconds", "bytes", "auroc")


@dataclass(frozen=True)
class Importance:
    """A group of columns, and how much worse each measure gets without it (mean over tasks, above 0 is worse)."""

    columns: str
    losses: Mapping[str, float]


def importance(name: str, asked: Asked, seed: int, progress: Progress) -> list[Importance]:
    """All groups of columns, the most important for scores first.

    EstimatorError for an estimator without columns.
    """
    losses: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    parts = list(folds_of("task", asked))
    for number, fold in enumerate(parts, start=1):
        progress(f"importance {number}/{len(parts)}: {name} without {fold.name}")
        estimator = fitted(name, fold, asked, seed)
        if not isinstance(estimator, Assembled):
            raise EstimatorError(f"estimator {name!r} does not learn from columns, so none can carry it")
        for group, found in _losses(estimator, fold, asked).items():
            for measure, loss in found.items():
                losses[group][measure].append(loss)
    means = {
        group: {
            measure: float(np.nanmean(values))
            for measure, values in own.items()
            if not np.isnan(values).all()
        }
        for group, own in losses.items()
    }
    return sorted(
        (Importance(*one) for one in means.items()), key=lambda one: -one.losses.get("spearman", 0.0)
    )


def _losses(estimator: Assembled, fold: Fold, asked: Asked) -> dict[str, dict[str, float]]:
    runs = [asked.runs[place] for place in fold.asked]
    values = estimator.columns.values([run.pipeline for run in runs], [view_of(run) for run in runs])
    truth = truth_of(runs)
    whole = _measured(estimator.predict_from(values), truth)
    rng, found = np.random.default_rng(SEED), {}
    for group, places in _groups(estimator).items():
        dealt = []
        for _ in range(REPEATS):
            other = values.copy()
            other[:, places] = values[rng.permutation(len(values))][:, places]
            dealt.append(_measured(estimator.predict_from(other), truth))
        found[group] = {
            measure: float(np.mean([one[measure] for one in dealt]) - whole[measure])
            * (-1.0 if MEASURES[measure][1] else 1.0)
            for measure in JUDGED
        }
    return found


def _measured(found: Predictions, truth: Truth) -> dict[str, float]:
    return {measure: MEASURES[measure][0](found, truth) for measure in JUDGED}


def _groups(estimator: Assembled) -> dict[str, list[int]]:
    """Columns that say one thing are dealt out together: the words of a choice; what a task is like."""
    found: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(estimator.columns.names):
        group = "task" if name.startswith("task ") else name.split(" is ")[0]
        found[group].append(place)
    return {group: places for group, places in found.items() if group != "task"}
