"""The SetFit paper's results as experience: few labelled texts, five methods, some thirty checkpoints.

Knows the folder of shared data (TUNELORE_SHARED, default ../shared); knows no estimator. Splits of the same size
are averaged; errors of regression are left out, for lower is better there. No seconds, no memory, no failures.
"""

from __future__ import annotations

import csv
import gzip
import os
import re
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from automl.estimators.reading import Experience
from automl.values import Evidence, Pipeline

FILE = (
    Path(os.environ.get("TUNELORE_SHARED", "../shared")) / "data/finetune-records/setfit_final_results.csv.gz"
)
NAME = "setfit"
MEASURES = ("accuracy", "acc", "matthews_correlation", "ap")
#: A task of fewer pipelines ranks nothing.
LEAST_PIPELINES = 6
SETTINGS = re.compile(
    r"-(CosineSimilarityLoss|logistic_regression|iterations_\d+|batch_\d+|epochs_\d+|linear-probe).*$"
)
#: Published sizes of the networks that a checkpoint's name says it is made of; the first that fits counts.
SIZES = (
    ("multilingual-mpnet-base", 278e6),
    ("mpnet-base", 109e6),
    ("xlm-roberta-base", 278e6),
    ("roberta-large", 355e6),
    ("roberta-base", 125e6),
    ("distilbert", 66e6),
    ("albert-xxlarge", 223e6),
    ("MiniLM-L3", 17e6),
    ("MiniLM-L6", 23e6),
    ("MiniLM-L12", 33e6),
)
Key = tuple[str, str, str, str, str]


def available() -> bool:
    """Whether the records are there."""
    return FILE.exists()


def experience() -> Experience:
    """A task is a data set with so many texts a class; its source is the data set."""
    scores: dict[Key, list[float]] = defaultdict(list)
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["measure"] in MEASURES:
                scores[_key(row)].append(float(row["score"]) / 100)
    sizes: dict[tuple[str, str], int] = defaultdict(int)
    for task, size, *_ in scores:
        sizes[task, size] += 1
    runs = [
        _run(key, fmean(found)) for key, found in sorted(scores.items()) if sizes[key[:2]] >= LEAST_PIPELINES
    ]
    models = {run.pipeline.language_model or "" for run in runs}
    facts = {model: {"parameters": size} for model in sorted(models) for size in _size(model)}
    return Experience(runs, facts, {run.task: run.task.rpartition("/")[0] for run in runs})


def _size(model: str) -> list[float]:
    return [size for part, size in SIZES if part in model][:1]


def _key(row: dict[str, str]) -> Key:
    """(data set, size, method, checkpoint, settings)."""
    folder, task = row["run_dir"], row["task"]
    if row["method"] == "adapet" and "/" in task:
        folder, task = task.split("/", 1)
    settings = SETTINGS.search(folder)
    model = folder[: settings.start()] if settings else folder
    return task, row["train_size"], row["method"], model, settings.group(0) if settings else ""


def _run(key: Key, score: float) -> Evidence:
    task, size, method, model, settings = key
    rows = float(size) if size.replace(".", "").isdigit() else None
    return Evidence(
        id="/".join(key),
        task=f"{task}/{size}",
        metafeatures={"instances": rows},
        pipeline=Pipeline(method, {"settings": settings} if settings else {}, f"hub:{model}@recorded"),
        status="ok",
        score=score,
        train_rows=None if rows is None else int(rows),
    )
