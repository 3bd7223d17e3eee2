"""How good predictions are, one number a data set and measure.

Knows predictions and what happened; knows no estimator. A data set on which a measure means nothing (one class
of outcomes, too few scores) has NaN there.

    spearman       rank correlation of predicted and true scores, of runs that ended
    ndcg@10        Järvelin and Kekäläinen 2002; the gain of a run is its score between the worst (0) and best (1)
    regret@k       best score there minus the best among the k predicted best; a difference of scores
    seconds, bytes   root mean square error of natural logarithms
    auroc, brier   of failing, where some run failed; Brier 1950
    covered        share of scores, seconds and bytes inside their 80 % interval
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.estimators.base import Predictions
from automl.estimators.failures import auc
from automl.estimators.features import Vector
from automl.values import Evidence, is_above_zero

LEAST_SCORES = 5
#: Half the width of an 80 % interval of a normal distribution, in deviations.
EIGHTY = 1.2816
BINS = 10


@dataclass(frozen=True)
class Truth:
    """(n,) what happened; NaN where nothing can be said."""

    score: Vector
    log_seconds: Vector
    log_bytes: Vector
    failed: NDArray[np.bool_]


def truth_of(runs: Sequence[Evidence]) -> Truth:
    """Scores and seconds of runs that ended; bytes of those and of timeouts, whose peak was reached."""
    ended = [run.status == "ok" for run in runs]
    return Truth(
        np.array([run.score if run.is_positive else np.nan for run in runs], dtype=float),
        np.array([_log(run.seconds) if ok else np.nan for run, ok in zip(runs, ended, strict=True)]),
        np.array([_log(run.memory_bytes) if run.status in ("ok", "timeout") else np.nan for run in runs]),
        ~np.array(ended, dtype=bool),
    )


def _log(value: float | None) -> float:
    return math.log(value) if is_above_zero(value) else math.nan


def rank_correlation(a: Vector, b: Vector) -> float:
    """Spearman's, ties with their mean rank; 0 where one side says the same of all."""
    if len(a) < 2 or np.ptp(a) < 1e-12 or np.ptp(b) < 1e-12:
        return 0.0
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def ranks(values: Vector) -> Vector:
    """(n,) from 0, ties with their mean rank."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count + 1) / 2)[place], dtype=float)


def ndcg(predicted: Vector, scores: Vector, k: int) -> float:
    """In [0, 1]; ties of the prediction share their places evenly, so that saying nothing is worth its mean."""
    gains = (scores - scores.min()) / max(float(np.ptp(scores)), 1e-12)
    worth = np.zeros(len(scores))
    worth[:k] = 1 / np.log2(np.arange(2, min(k, len(scores)) + 2))
    best = float(np.sort(gains)[::-1] @ worth)
    order = np.argsort(-predicted, kind="stable")
    _, place = np.unique(-predicted[order], return_inverse=True)
    means = np.bincount(place, gains[order]) / np.bincount(place)
    return float(means[place] @ worth) / best if best > 0 else math.nan


def regret(predicted: Vector, scores: Vector, k: int) -> float:
    """>= 0; of equally predicted runs the worse come first, so that saying nothing does not help."""
    order = np.lexsort((scores, -predicted))
    return float(scores.max() - scores[order[:k]].max())


def _of_scores(measure: Callable[[Vector, Vector], float]) -> Callable[[Predictions, Truth], float]:
    def measured(found: Predictions, truth: Truth) -> float:
        there = np.isfinite(truth.score) & np.isfinite(found.score)
        if there.sum() < LEAST_SCORES or np.ptp(truth.score[there]) < 1e-9:
            return math.nan
        return measure(found.score[there], truth.score[there])

    return measured


def _rmse(wrong: Vector) -> float:
    there = wrong[np.isfinite(wrong)]
    return float(np.sqrt((there**2).mean())) if len(there) else math.nan


def _auroc(found: Predictions, truth: Truth) -> float:
    there = np.isfinite(found.failure)
    failed = truth.failed[there]
    return auc(found.failure[there], failed) if 0 < failed.sum() < len(failed) else math.nan


def _brier(found: Predictions, truth: Truth) -> float:
    if not truth.failed.any():
        return math.nan
    wrong = (found.failure - truth.failed) ** 2
    return float(np.nanmean(wrong)) if np.isfinite(wrong).any() else math.nan


#: Measures by name, and whether higher is better.
MEASURES: Mapping[str, tuple[Callable[[Predictions, Truth], float], bool]] = {
    "spearman": (_of_scores(rank_correlation), True),
    "ndcg@10": (_of_scores(lambda a, b: ndcg(a, b, 10)), True),
    "regret@1": (_of_scores(lambda a, b: regret(a, b, 1)), False),
    "regret@5": (_of_scores(lambda a, b: regret(a, b, 5)), False),
    "regret@10": (_of_scores(lambda a, b: regret(a, b, 10)), False),
    "seconds": (lambda found, truth: _rmse(found.log_seconds - truth.log_seconds), False),
    "bytes": (lambda found, truth: _rmse(found.log_bytes - truth.log_bytes), False),
    "auroc": (_auroc, True),
    "brier": (_brier, False),
}


def calibration(found: Predictions, truth: Truth) -> float:
    """Expected calibration error of failing over ten bins of equal width (Naeini et al. 2015); in [0, 1]."""
    there = np.isfinite(found.failure)
    if not truth.failed[there].any():
        return math.nan
    chance, failed = found.failure[there], truth.failed[there].astype(float)
    place = np.minimum((chance * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    gap = np.abs(np.bincount(place, chance, BINS) - np.bincount(place, failed, BINS))
    return float(gap.sum() / count.sum())


def covered(found: Predictions, truth: Truth, relative: Vector) -> dict[str, float]:
    """Shares inside the 80 % intervals; `relative` (n,) are true relative scores."""
    wrong = {
        "score": (found.score - relative) / found.score_deviation,
        "seconds": (found.log_seconds - truth.log_seconds) / found.seconds_deviation,
        "bytes": (found.log_bytes - truth.log_bytes) / found.bytes_deviation,
    }
    shares = {}
    for name, each in wrong.items():
        there = each[np.isfinite(each)]
        shares[name] = float((np.abs(there) <= EIGHTY).mean()) if len(there) else math.nan
    return shares
