"""Forests and boosted trees as plain arrays: scikit-learn grows them, these arrays answer.

Knows columns and targets; knows no pipeline. A snapshot of the arrays needs no scikit-learn to be used, whatever
version grew them.

    left, right  (nodes,) places of the children, -1 at a leaf    column, cut, value  (nodes,)
    roots        (trees,) places of the roots
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.errors import EstimatorError
from automl.estimators.features import Matrix, Vector

TREES, LEAST_LEAF = 60, 3
BOOSTED, DEPTH, RATE = 120, 3, 0.06
DEEPEST = 200


@dataclass(frozen=True)
class Trees:
    """A sum (`is_mean` false) or a mean of trees, from a start value, each scaled by `rate`."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    column: NDArray[np.int32]
    cut: Vector
    value: Vector
    roots: NDArray[np.int32]
    start: float
    rate: float
    is_mean: bool

    def predict(self, x: Matrix) -> tuple[Vector, Vector]:
        """(n,) mean, and the deviation of the trees' mean; a sum of trees does not know its own (0)."""
        each = self.value[self._leaves(x)]
        if not self.is_mean:
            return self.start + self.rate * each.sum(axis=1), np.zeros(len(x))
        return each.mean(axis=1), each.std(axis=1) / np.sqrt(max(len(self.roots) / 8, 1.0))

    def _leaves(self, x: Matrix) -> NDArray[np.int64]:
        """(n, trees) the leaf of each row in each tree; values are compared as they were when growing."""
        narrow = x.astype(np.float32)
        place = np.tile(self.roots.astype(np.int64), (len(x), 1))
        rows = np.arange(len(x))[:, None]
        for _ in range(DEEPEST):
            inner = self.left[place] >= 0
            if not inner.any():
                return place
            column = np.where(inner, self.column[place], 0)
            goes_left = narrow[rows, column] <= self.cut[place]
            place = np.where(inner, np.where(goes_left, self.left[place], self.right[place]), place)
        raise EstimatorError(f"a tree is deeper than {DEEPEST} levels, or goes in a circle: it is damaged")

    def check(self, columns: int) -> None:
        """EstimatorError where a place or column does not exist, so that damaged arrays never answer."""
        nodes = len(self.left)
        places = np.concatenate([self.left[self.left >= 0], self.right[self.left >= 0], self.roots])
        sizes = {len(each) for each in (self.left, self.right, self.column, self.cut, self.value)}
        if len(sizes) > 1 or not len(self.roots) or places.min() < 0 or places.max() >= nodes:
            raise EstimatorError("the arrays of its trees do not fit together: it is damaged")
        if self.column[self.left >= 0].size and not 0 <= self.column[self.left >= 0].max() < columns:
            raise EstimatorError(f"its trees ask for more than {columns} columns: it is damaged")


def _joined(grown: Sequence[Any], start: float, rate: float, *, is_mean: bool) -> Trees:
    sizes = [tree.node_count for tree in grown]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def moved(name: str) -> NDArray[np.int32]:
        parts = [getattr(tree, name) for tree in grown]
        shifted = [np.where(part >= 0, part + at, -1) for part, at in zip(parts, first, strict=True)]
        return np.concatenate(shifted).astype(np.int32)

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(tree, name) for tree in grown])

    value = np.concatenate([tree.value[:, 0, 0] for tree in grown])
    return Trees(
        left=moved("children_left"),
        right=moved("children_right"),
        column=joined("feature").astype(np.int32),
        cut=joined("threshold").astype(float),
        value=value.astype(float),
        roots=first.astype(np.int32),
        start=start,
        rate=rate,
        is_mean=is_mean,
    )


def fit_forest(x: Matrix, y: Vector, seed: int) -> Trees:
    """Extremely randomised trees (Geurts, Ernst, Wehenkel 2006) grown on all rows."""
    from sklearn.ensemble import ExtraTreesRegressor

    model = ExtraTreesRegressor(
        TREES, min_samples_leaf=LEAST_LEAF, max_features=0.5, random_state=seed, n_jobs=1
    ).fit(x.astype(np.float32), y)
    return _joined([one.tree_ for one in model.estimators_], 0.0, 1.0, is_mean=True)


def fit_boosting(x: Matrix, y: Vector, seed: int) -> Trees:
    """Gradient boosting on squared errors (Friedman 2001), each tree on a share of the rows."""
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(
        n_estimators=BOOSTED,
        max_depth=DEPTH,
        learning_rate=RATE,
        subsample=0.7,
        min_samples_leaf=LEAST_LEAF,
        max_features=0.5,
        random_state=seed,
    ).fit(x.astype(np.float32), y)
    grown = [one.tree_ for one in model.estimators_[:, 0]]
    return _joined(grown, float(y.mean()), RATE, is_mean=False)
