"""How well a shallow tree does on a task: a cheap landmark.

Uses scikit-learn where it is, else knows nothing.
"""

from __future__ import annotations

import importlib
import random
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# 0.6 s on one core with 150 classes, so that it fits into the end of a process (2.6 s with 5,000 rows).
MAX_LANDMARK_ROWS = 2_000
MAX_TERMS = 5_000
DIMENSIONS = 100
TREE_DEPTH = 5
FOLDS = 5
ROOM_BYTES = 512 * 2**20
MODULES = (
    "sklearn.feature_extraction.text",
    "sklearn.decomposition",
    "sklearn.model_selection",
    "sklearn.tree",
)


def landmark_accuracy(texts: Sequence[str], labels: Sequence[str], *, seed: int = 42) -> float | None:
    """Mean accuracy of a depth-5 decision tree over stratified folds, in [0, 1]; None where it cannot be had.

    TF-IDF (scikit-learn's English stop words removed, at most min(5000, N/2) terms) reduced by truncated SVD
    to min(100, terms - 1, N - 1) dimensions; min(5, smallest class) folds, with fewer than two the training
    accuracy. One class, no terms, no scikit-learn or hardly any memory left: None, never 0. Source: as
    classification_metafeatures.
    """
    texts, labels = landmark_sample(texts, labels, seed)
    if len(set(labels)) < 2 or not _has_room():
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _accuracy(_reduced(texts, seed), labels, seed)
    except (ImportError, ValueError, ArithmeticError, MemoryError, RuntimeError):
        return None


def prepare_landmark() -> bool:
    """Import what the landmark needs, which an interpreter that is shutting down no longer can; False without it."""
    try:
        for name in MODULES:
            importlib.import_module(name)
    except (ImportError, RuntimeError, MemoryError):
        return False
    return True


def landmark_sample(
    texts: Sequence[str], labels: Sequence[str], seed: int = 42
) -> tuple[list[str], list[str]]:
    """At most MAX_LANDMARK_ROWS rows, each class by its share, none left out, in the order given."""
    if len(texts) <= MAX_LANDMARK_ROWS:
        return list(texts), list(labels)
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        rows[label].append(index)
    draw = random.Random(seed)  # noqa: S311 - a sample of rows is no secret
    share = MAX_LANDMARK_ROWS / len(texts)
    kept = sorted(
        index
        for name in sorted(rows)
        for index in draw.sample(rows[name], max(1, int(len(rows[name]) * share)))
    )
    return [texts[index] for index in kept], [labels[index] for index in kept]


def _has_room() -> bool:
    """Whether limits leave the memory that this takes. Where malloc fails, OpenBLAS asks again for ever, and holds
    the interpreter's lock meanwhile: a run that died of memory would never end."""
    try:
        import resource

        used = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        for limit, name in ((resource.RLIMIT_DATA, "VmData"), (resource.RLIMIT_AS, "VmSize")):
            most = resource.getrlimit(limit)[0]
            if most != resource.RLIM_INFINITY and most - int(used[name].split()[0]) * 1024 < ROOM_BYTES:
                return False
    except (ImportError, OSError, KeyError, ValueError):
        pass  # a system without such limits
    return True


def _reduced(texts: list[str], seed: int) -> Any:
    extraction, decomposition = (importlib.import_module(name) for name in MODULES[:2])
    terms = min(MAX_TERMS, max(1, len(texts) // 2))
    matrix = extraction.TfidfVectorizer(stop_words="english", max_features=terms).fit_transform(texts)
    dimensions = min(DIMENSIONS, matrix.shape[1] - 1, matrix.shape[0] - 1)
    if dimensions < 1:
        return matrix.toarray()
    return decomposition.TruncatedSVD(n_components=dimensions, random_state=seed).fit_transform(matrix)


def _accuracy(matrix: Any, labels: list[str], seed: int) -> float:
    selection, trees = (importlib.import_module(name) for name in MODULES[2:])
    tree = trees.DecisionTreeClassifier(max_depth=TREE_DEPTH, random_state=seed)
    folds = min(FOLDS, *Counter(labels).values())
    if folds < 2:
        return float(tree.fit(matrix, labels).score(matrix, labels))
    splits = selection.StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    return float(selection.cross_val_score(tree, matrix, labels, cv=splits).mean())
