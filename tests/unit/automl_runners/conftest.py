"""A small dataset of files that a language model can learn, and specs of runs on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl.runners.base import TrialSpec
from automl.sources.datasets import DatasetRef
from automl.values import Limits, Pipeline
from tests.tiny import make_checkpoint

TRAINING = {
    "learning_rate": 1e-3,
    "epochs": 2,
    "batch_size": 16,
    "max_length": 32,
    "warmup_share": 0.0,
    "weight_decay": 0.0,
    "class_weights": False,
}
HYPERPARAMETERS: dict[str, dict[str, Any]] = {
    "full": TRAINING,
    "lora": {**TRAINING, "lora_r": 8, "lora_alpha": 32, "lora_dropout": 0.0, "learning_rate": 3e-3},
    "partial": {**TRAINING, "frozen_share": 0.5},
    "probe": {"max_length": 32, "batch_size": 16, "pooling": "mean", "c": 1.0, "class_weights": False},
    "linear": {
        "ngrams": "word",
        "ngram_max": 2,
        "min_df": 1,
        "sublinear_tf": True,
        "c": 10.0,
        "class_weights": False,
    },
}
SUBJECTS = {
    "cooking": ["stir the soup", "knead the dough", "roast the carrots", "whisk the eggs", "season the stew"],
    "sailing": ["hoist the sail", "trim the jib", "drop the anchor", "steer to port", "reef in strong wind"],
}
WHEN = [
    "at noon",
    "with care",
    "again",
    "slowly",
    "before dusk",
    "as agreed",
    "for the guests",
    "together",
    "once more",
]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The folder of all tiny language models; each is made when it is first asked for."""
    root = tmp_path_factory.mktemp("tiny")

    def made(family: str) -> str:
        if not (root / family).exists():
            make_checkpoint(root / family, family)
        return str(root)

    return made


@pytest.fixture(scope="session")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    rows = [
        f'"{what} {when}",{label}' for label, whats in SUBJECTS.items() for what in whats for when in WHEN
    ]
    (folder / "rows.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def make_spec(data_root: Path, checkpoint: str) -> Callable[..., TrialSpec]:
    def make(
        method: str, *, layers: int | None = 1, changes: dict[str, Any] | None = None, **more: Any
    ) -> TrialSpec:
        key = None if method == "linear" else checkpoint + (f"#layers={layers}" if layers else "")
        values = {**HYPERPARAMETERS[method], **(changes or {})}
        settings = {"limits": Limits(120.0, 4 * 2**30), "seed": 3, "data_roots": (str(data_root),), **more}
        return TrialSpec(Pipeline(method, values, key), DatasetRef("file", "rows", "rows.csv"), **settings)

    return make
