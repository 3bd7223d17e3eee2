"""XAutoLM's methods, as its spaces propose them, end to end: real trainings of tiny language models."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automl.runners.execute import execute
from automl.runners.settings import plain, settings_of
from automl.spaces import preset
from automl.values import Pipeline

pytestmark = [
    pytest.mark.training,
    # peft asks a network of transformers by a name that is on its way out.
    pytest.mark.filterwarnings("default:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]

TRAINING = {
    "batch_size": 8, "max_length": 4096, "learning_rate": 1e-4, "epochs": 1, "warmup_steps": 100,
    "weight_decay": 0.01, "optimizer": "adam", "gradient_accumulation_steps": 2, "lr_scheduler": "cosine",
    "early_stopping_delta": 0.001, "use_mixed_precision": True, "use_gradient_clipping": True,
    "gradient_clipping_max_norm": 0.5, "class_weighted_loss": True, "num_workers": "half",
}  # fmt: skip
ADAPTERS = {
    "lora_r": 4, "lora_alpha": 16, "lora_dropout": 0.1, "model_save": "classifier",
    "init_lora_weights": "pissa", "fan_in_fan_out": True, "lora_bias": "all",
}  # fmt: skip
OWN = {
    "full": {"dropout_rate": 0.3},
    "partial": {"dropout_rate": 0.3, "num_trainable_layers": 2},
    "lora": ADAPTERS,
}


def values(method: str, **changes: object) -> dict[str, object]:
    return {**TRAINING, **OWN[plain(method)], **changes}


def trained(make_spec, method: str, **changes: object):
    spec = make_spec("full", layers=2)
    chosen = values(method, **changes)
    pipeline = replace(spec.pipeline, method=method, hyperparameters=chosen)
    in_space = preset("xautolm").method(method).parameters
    assert set(chosen) == set(in_space)
    assert all(in_space[name].reason(value) is None for name, value in chosen.items())
    return execute(replace(spec, pipeline=pipeline, train_rows=40, validation_rows=20, test_rows=20))


@pytest.mark.parametrize("method", [f"{one}-encoder" for one in OWN])
def test_what_its_space_proposes_is_trained(make_spec, method):
    result = trained(make_spec, method)
    assert (result.status, result.cause, result.exception) == ("ok", None, None)
    # 40 rows in batches of 8, two at a time: the last step gathers what is left.
    assert result.cost["steps"] == 3
    share = result.cost["trainable_parameters"] / result.cost["parameters"]
    assert share < 0.5 if plain(method) != "full" else share == 1.0


@pytest.mark.parametrize("start", ["gaussian", None])
def test_adapters_start_as_their_space_says(make_spec, start):
    result = trained(
        make_spec, "lora-encoder", init_lora_weights=start, lora_bias="lora_only", optimizer="adagrad"
    )
    assert (result.status, result.exception) == ("ok", None)


def test_as_many_upper_layers_are_trained_as_were_asked_for(make_spec):
    counts = [
        trained(make_spec, "partial-encoder", num_trainable_layers=count, optimizer="sgd").cost[
            "trainable_parameters"
        ]
        for count in (1, 2, 64)
    ]
    assert counts[0] < counts[1] == counts[2]


def test_its_words_and_ours_are_the_same_settings():
    theirs = settings_of(Pipeline("full-encoder", values("full-encoder", use_gradient_clipping=False)))
    assert (theirs["warmup_share"], theirs["class_weights"]) == (100, True)
    assert theirs["gradient_clipping_max_norm"] == 0.0
    ours = settings_of(Pipeline("full", {"warmup_share": 0.1, "class_weights": False}))
    assert (ours["optimizer"], ours["lr_scheduler"], ours["early_stopping_patience"]) == (
        "adamw",
        "linear",
        2,
    )
    assert (ours["warmup_share"], ours["gradient_clipping_max_norm"]) == (0.1, 1.0)


def test_a_share_of_the_rows_is_a_share_of_the_rows(make_spec):
    spec = make_spec("full", layers=1)
    chosen = {**spec.pipeline.hyperparameters, "data_downsize": "1/4", "epochs": 1}
    cut = replace(spec, pipeline=replace(spec.pipeline, hyperparameters=chosen), train_rows=40)
    assert execute(cut).fidelity["train_rows"] == 10
