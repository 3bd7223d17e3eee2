"""The space "tunelore/1": text classification with encoders, and a linear baseline.

Knows the runner's methods and hyper-parameters by name and range, and no checkpoint: the caller names those.
"""

from __future__ import annotations

from collections.abc import Sequence

from automl.errors import SpaceError
from automl.space import Choice, Flag, Integer, Method, Parameter, Real, Space

NAME = "tunelore/1"


def tunelore(language_models: Sequence[str]) -> Space:
    """The space over these language models, named by key; SpaceError when there are none or one is there
    twice.

    Learning rates and c are log-scaled; lengths are in tokens, `warmup_share` is of the optimiser steps and
    `frozen_share` of the encoder layers, counted from the embeddings, which `partial` always freezes.
    """
    methods = (
        Method("full", _training(1e-5, 1e-3)),
        Method("lora", {**_training(1e-4, 1e-2), **_adapters()}),
        Method("partial", {**_training(1e-5, 1e-3), "frozen_share": Choice((0.25, 0.5, 0.75, 1.0))}),
        Method("probe", _probe()),
        Method("linear", _linear(), needs_language_model=False),
    )
    return Space(NAME, methods, keys_of(language_models))


def keys_of(language_models: Sequence[str]) -> tuple[str, ...]:
    """Language models as a space has them; SpaceError for one text, which would be read letter by letter."""
    if isinstance(language_models, str):
        raise SpaceError(
            f"language models are a list of keys, got the text {language_models!r}", "language_models"
        )
    return tuple(language_models)


def _training(slowest: float, fastest: float) -> dict[str, Parameter]:
    # Below `slowest` a few hundred rows leave a constant predictor; adapters start at zero and need ten times more.
    return {
        "learning_rate": Real(slowest, fastest, log=True),
        "epochs": Integer(2, 10, log=True),
        "batch_size": Choice((8, 16, 32)),
        "max_length": Choice((32, 48, 64, 128)),
        "warmup_share": Choice((0.0, 0.1)),
        "weight_decay": Choice((0.0, 0.01, 0.1)),
        "class_weights": Flag(),
    }


def _adapters() -> dict[str, Parameter]:
    return {
        "lora_r": Choice((4, 8, 16)),
        "lora_alpha": Choice((8, 16, 32)),
        "lora_dropout": Choice((0.0, 0.1)),
    }


def _probe() -> dict[str, Parameter]:
    return {
        "max_length": Choice((32, 48, 64, 128)),
        "batch_size": Choice((16, 32)),
        "pooling": Choice(("mean", "cls")),
        "c": Real(1e-2, 1e2, log=True),
        "class_weights": Flag(),
    }


def _linear() -> dict[str, Parameter]:
    return {
        "ngrams": Choice(("word", "char")),
        "ngram_max": Integer(1, 4),
        "min_df": Choice((1, 2)),
        "sublinear_tf": Flag(),
        "c": Real(1e-2, 1e2, log=True),
        "class_weights": Flag(),
    }
