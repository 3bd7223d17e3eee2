"""Meta-features of a text-classification dataset from statistics alone, for rows that may not be shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunelore.describe.classification import EXTRACTOR, VERSION, class_values


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
