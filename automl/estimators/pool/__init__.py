"""Estimators by name: `fit(name, runs, facts)`; the registry is the table below.

Knows how each is made; knows no snapshot and no evaluation. docs/estimators.md says what each is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from automl.errors import EstimatorError
from automl.estimators.base import Estimator, Fit
from automl.estimators.features import Facts
from automl.estimators.pool.assembled import assemble
from automl.estimators.pool.baselines import fit_elsewhere
from automl.estimators.pool.process import fit_process
from automl.estimators.pool.regressors import fit_logistic, fit_neighbours, fit_ridge
from automl.estimators.pool.rules import fit_rules
from automl.estimators.pool.trees import fit_boosting, fit_forest
from automl.values import Evidence

__all__ = ["BASELINES", "ESTIMATORS", "ONE_COLUMN", "fit"]

#: The columns that the estimator "parameters" sees.
ONE_COLUMN = ("parameters", "no language model")

ESTIMATORS: Mapping[str, Fit] = {
    "random": partial(fit_elsewhere, "random", "random"),
    "mean": partial(fit_elsewhere, "mean", "mean"),
    "nearest-task": partial(fit_elsewhere, "nearest-task", "nearest"),
    "parameters": partial(
        assemble, "parameters", regress=fit_ridge, tell_apart=fit_logistic, only=ONE_COLUMN
    ),
    "rules": fit_rules,
    "neighbours": partial(assemble, "neighbours", regress=fit_neighbours, tell_apart=fit_neighbours),
    "linear": partial(assemble, "linear", regress=fit_ridge, tell_apart=fit_logistic),
    "forest": partial(assemble, "forest", regress=fit_forest, tell_apart=fit_forest, unheard_too=True),
    "boosting": partial(
        assemble, "boosting", regress=fit_boosting, tell_apart=fit_boosting, unheard_too=True
    ),
    "process": fit_process,
}
#: What an estimator has to beat before it is called a result.
BASELINES = ("random", "mean", "nearest-task", "parameters")


def fit(
    name: str,
    runs: Sequence[Evidence],
    facts: Facts,
    *,
    sources: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Estimator:
    """An estimator fitted to runs; `facts` are of language models by key, `sources` the data set of each task.

    The same runs in the same order with the same seed give the same estimator. EstimatorError for an unknown
    name, or when no run says anything and the estimator needs some.
    """
    if name not in ESTIMATORS:
        raise EstimatorError(f"estimator {name!r} is unknown; use one of {', '.join(ESTIMATORS)}")
    return ESTIMATORS[name](runs, facts, sources or {}, seed)
