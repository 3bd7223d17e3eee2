"""Scores of predictions; which one is the primary is the caller's choice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def scores(
    truth: Sequence[int] | NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> dict[str, float]:
    """Macro-F1 over all classes of the dataset (one that nobody predicted counts 0) and accuracy, in [0, 1]."""
    from sklearn.metrics import accuracy_score, f1_score

    labels = range(classes)
    return {
        "f1_macro": float(f1_score(truth, predicted, labels=list(labels), average="macro", zero_division=0)),
        "accuracy": float(accuracy_score(truth, predicted)),
    }
