"""The space "tunelore-answers/1": question answering with language models of every family.

Knows the runner's methods and hyper-parameters by name and range, and no checkpoint: the caller names those.
"""

from __future__ import annotations

from collections.abc import Sequence

from automl.space import Choice, Integer, Method, Parameter, Real, Space
from automl.spaces.tunelore import keys_of

NAME = "tunelore-answers/1"


def answers(language_models: Sequence[str]) -> Space:
    """The space over these language models, named by key; SpaceError when there are none or one is there twice.

    Learning rates are log-scaled; `max_length` is in tokens of question and context, `warmup_share` of the optimiser
    steps and `frozen_share` of the layers, counted from the embeddings, which `partial` always freezes. Something of
    every family stays to be trained: a head that shares its weights with the embeddings is frozen with them.
    """
    methods = (
        Method("full", _training(1e-5, 1e-3)),
        Method("lora", {**_training(1e-4, 1e-2), **_adapters()}),
        Method("partial", {**_training(1e-5, 1e-3), "frozen_share": Choice((0.25, 0.5, 0.75))}),
    )
    return Space(NAME, methods, keys_of(language_models))


def _training(slowest: float, fastest: float) -> dict[str, Parameter]:
    return {
        "learning_rate": Real(slowest, fastest, log=True),
        "epochs": Integer(2, 10, log=True),
        "batch_size": Choice((4, 8, 16)),
        "max_length": Choice((128, 256, 384)),
        "warmup_share": Choice((0.0, 0.1)),
        "weight_decay": Choice((0.0, 0.01, 0.1)),
    }


def _adapters() -> dict[str, Parameter]:
    return {
        "lora_r": Choice((4, 8, 16)),
        "lora_alpha": Choice((8, 16, 32)),
        "lora_dropout": Choice((0.0, 0.1)),
    }
