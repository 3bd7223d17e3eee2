"""Training rows without their text: their identity, and the ten meta-features of a text-classification task.

These come from rows, from labels or from statistics alone. Knows no file, no tokeniser and no store.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tunelore.describe.landmark import MAX_LANDMARK_ROWS, landmark_accuracy

EXTRACTOR = "tunelore.text-classification"
VERSION = 1
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def rows_fingerprint(rows: Iterable[tuple[str, str]]) -> str:
    """Fingerprint "rows-sha256:..." of the uncut training rows (text, label), in any order.

    SHA-256 over the sorted raw SHA-256 digests of the canonical JSON [text, label] of every row; several text
    columns are joined by a line feed before, the label is text.
    """
    return f"rows-sha256:{_combined(_compact([text, label]) for text, label in rows)}"


def tokens_fingerprint(rows: Iterable[tuple[Sequence[int], object]]) -> str:
    """Fingerprint "tokens-sha256:..." of rows (input ids, label), where only tokens are to be had.

    The label as text.
    """
    lines = (_compact([[int(token) for token in ids], str(label)]) for ids, label in rows)
    return f"tokens-sha256:{_combined(lines)}"


def _combined(lines: Iterable[str]) -> str:
    digests = sorted(hashlib.sha256(line.encode("utf-8", "surrogatepass")).digest() for line in lines)
    total = hashlib.sha256()
    for digest in digests:
        total.update(digest)
    return total.hexdigest()


def classification_metafeatures(
    texts: Sequence[str], labels: Sequence[str], *, landmark: bool = True, seed: int = 42
) -> dict[str, Any]:
    """`task.metafeatures` of a record, from the training rows.

    texts and labels: (rows,), the same length, at least one row (ValueError otherwise). Lengths are
    characters, entropy is in bits, deviation divides by N. `landmark` in [0, 1], or None where scikit-learn
    is absent, the accuracy cannot be had or it is not asked for; above 2,000 rows it sees a seeded sample
    and `sampled` is true. Source: XAutoLM's classification extractor, second version (AutoGOAL,
    meta_learning/feature_extraction).
    """
    if len(texts) != len(labels):
        raise ValueError(f"{len(texts)} texts but {len(labels)} labels; give one label a text")
    if not texts:
        raise ValueError("no rows: meta-features describe at least one text")
    values: dict[str, float | None] = {**class_values(Counter(labels)), **_lengths(texts)}
    values["landmark"] = landmark_accuracy(texts, labels, seed=seed) if landmark else None
    sampled = values["landmark"] is not None and len(texts) > MAX_LANDMARK_ROWS
    return {"extractor": EXTRACTOR, "version": VERSION, "sampled": sampled, "values": values}


def label_metafeatures(labels: Sequence[str]) -> dict[str, Any]:
    """The same block where only the labels are known: lengths and landmark are missing, not 0."""
    if not labels:
        raise ValueError("no rows: meta-features describe at least one label")
    missing = dict.fromkeys(("mean_length", "length_deviation", "length_variation", "landmark"))
    values: dict[str, float | None] = {**class_values(Counter(labels)), **missing}
    return {"extractor": EXTRACTOR, "version": VERSION, "sampled": False, "values": values}


def statistics_metafeatures(
    class_counts: Mapping[str, int], mean_length: float | None = None, length_deviation: float | None = None
) -> dict[str, Any]:
    """The block that `classification_metafeatures` gives for rows with these statistics; the landmark is missing.

    Rows by class, each positive (ValueError otherwise); lengths in characters, the deviation dividing by N, None
    where they are not known.
    """
    if not class_counts or min(class_counts.values()) < 1:
        raise ValueError(f"class counts must be 1 or more of at least one class, got {dict(class_counts)!r}")
    variation = None
    if mean_length and length_deviation is not None:
        variation = length_deviation / mean_length
    values: dict[str, float | None] = {
        **class_values(class_counts),
        "mean_length": mean_length,
        "length_deviation": length_deviation,
        "length_variation": variation,
        "landmark": None,
    }
    return {"extractor": EXTRACTOR, "version": VERSION, "sampled": False, "values": values}


def class_values(counts: Mapping[str, int]) -> dict[str, float]:
    """The six meta-features that rows by class give; counts are positive."""
    rows = sum(counts.values())
    shares = [count / rows for count in counts.values()]
    return {
        "instances": rows,
        "classes": len(shares),
        "class_entropy": max(0.0, -math.fsum(share * math.log2(share) for share in shares)),
        "min_class_share": min(shares),
        "max_class_share": max(shares),
        "imbalance": min(shares) / max(shares),
    }


def _lengths(texts: Sequence[str]) -> dict[str, float | None]:
    lengths = [len(text) for text in texts]
    mean = math.fsum(lengths) / len(lengths)
    deviation = math.sqrt(math.fsum((length - mean) ** 2 for length in lengths) / len(lengths))
    return {
        "mean_length": mean,
        "length_deviation": deviation,
        "length_variation": deviation / mean if mean else None,
    }
