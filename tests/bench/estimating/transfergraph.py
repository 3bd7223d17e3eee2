"""TransferGraph as experience: public checkpoints, full and LoRA, accuracy and seconds on nine data sets.

Knows the reader of the searches' bench; knows no estimator. No run failed and none says its memory. Checkpoints
are drawn once, so that data sets are about as large as a store of searches.
"""

from __future__ import annotations

import numpy as np
from search import records

from automl.estimators.reading import Experience
from automl.values import Evidence, Pipeline

NAME, PAIRS, SEED = "transfergraph", 110, 20261121
#: Fixed in the records for each method; so they say nothing but what was done.
SETTINGS = {
    "full": {"batch_size": 16, "learning_rate": 2e-5, "epochs": 5},
    "lora": {"batch_size": 32, "learning_rate": 4e-4, "epochs": 4},
}
available = records.available


def experience() -> Experience:
    """Of each data set the same number of (checkpoint, method) pairs; a pair's repeats are their mean."""
    runs: list[Evidence] = []
    for number, data in enumerate(records.data_sets()):
        pairs = sorted(data.pairs)
        drawn = np.random.default_rng([SEED, number]).permutation(len(pairs))[:PAIRS]
        for model, method in (pairs[place] for place in drawn):
            score, seconds = data.pairs[model, method]
            runs.append(
                Evidence(
                    id=f"{data.name}/{model}/{method}",
                    task=data.name,
                    metafeatures={"instances": float(data.rows), "classes": float(data.classes)},
                    pipeline=Pipeline(method, SETTINGS[method], f"hub:{model}@recorded"),
                    status="ok",
                    score=score,
                    seconds=seconds,
                    train_rows=data.rows,
                )
            )
    return Experience(runs, records.facts(), {run.task: run.task for run in runs})
