"""A store as the reference's logger left it, so that defects which need such a store have something to bite.

Knows evidence only. Nothing in it is wrong about what happened: runs belong to series, failures were written down
twice, and some values were never written or come from another version of the space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from automl.values import Evidence, Pipeline

#: Runs of a series: an experiment with one prior and one seed.
SERIES = 10
#: The share of runs that lack a value, and of those whose length no space knows any more.
LACKING, FOREIGN = 0.2, 0.2
FOREIGN_LENGTH = 4096


def as_written(evidence: Sequence[Evidence], seed: int = 0) -> list[Evidence]:
    """The same runs in series of ten, failures twice, some with a value missing or foreign."""
    rng = np.random.default_rng([seed, 21])
    places: dict[str, int] = {}
    found: list[Evidence] = []
    for run in evidence:
        place = places[run.task] = places.get(run.task, -1) + 1
        worn = replace(run, pipeline=_worn(run.pipeline, rng), series=f"{run.task}/{place // SERIES}")
        found.append(worn)
        if not run.is_positive:
            found.append(replace(worn, id=f"{run.id}-twin"))
    return found


def _worn(pipeline: Pipeline, rng: np.random.Generator) -> Pipeline:
    values = dict(pipeline.hyperparameters)
    lacks, foreign, which = rng.random() < LACKING, rng.random() < FOREIGN, rng.random()
    if foreign and "max_length" in values:
        values["max_length"] = FOREIGN_LENGTH
    if lacks and values:
        del values[sorted(values)[int(which * len(values))]]
    return Pipeline(pipeline.method, values, pipeline.language_model, pipeline.space)
