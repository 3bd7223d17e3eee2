"""Hyper-parameters as the runner reads them: its own words, and those of the reference system XAutoLM.

Knows names, values and what stands for what; knows no network and no space. Start at `settings_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl.values import Pipeline, Scalar

#: What trains weights, and what each has beside the training itself.
TUNED: Mapping[str, tuple[str, ...]] = {
    "full": (),
    "lora": ("lora_r", "lora_alpha", "lora_dropout"),
    "partial": ("frozen_share",),
}
#: Our word, the reference's word for the same decision: one of them has to be there.
TWINS: Mapping[str, str] = {
    "warmup_share": "warmup_steps",
    "class_weights": "class_weighted_loss",
    "frozen_share": "num_trainable_layers",
}
#: May be there, with what holds where they are not; None leaves a choice to the device or the checkpoint.
OPTIONAL: Mapping[str, Scalar] = {
    "optimizer": "adamw",
    "gradient_accumulation_steps": 1,
    "lr_scheduler": "linear",
    "early_stopping_delta": 0.0,
    "early_stopping_patience": 2,
    "use_mixed_precision": None,
    "use_gradient_clipping": True,
    "gradient_clipping_max_norm": 1.0,
    "dropout_rate": None,
    "lora_bias": "none",
    "init_lora_weights": None,
    "data_downsize": "none",
}
#: Read and without effect: rows are in memory already, the best weights of what trains are always kept, how weights
#: lie in memory is seen from the network, and logs say the same to everybody.
SILENT = ("num_workers", "model_save", "fan_in_fan_out", "verbose")
#: Of these the runner does one thing only.
ONLY: Mapping[str, Scalar] = {"quantization": "none"}
#: The share of the training rows that a run sees.
SHARES: Mapping[str, float] = {"none": 1.0, "half": 0.5, "1/4": 0.25}
#: Values that mean something; all others are refused.
WORDS: Mapping[str, tuple[Scalar, ...]] = {
    "optimizer": ("adamw", "adam", "sgd", "adagrad"),
    "lr_scheduler": ("linear", "cosine", "cosine_with_restarts", "polynomial", "constant"),
    "data_downsize": tuple(SHARES),
    "lora_bias": ("none", "all", "lora_only"),
    "init_lora_weights": ("gaussian", "pissa", None),
}


def plain(method: str) -> str:
    """A method without the family that it is for: "full" for "full-encoder"."""
    name, _, family = method.partition("-")
    return name if name in TUNED and family else method


def settings_of(pipeline: Pipeline) -> dict[str, Any]:
    """All values that a training reads, in the runner's words, what is optional filled in.

    Beside them `frozen_share` may be replaced by `num_trainable_layers`, and `warmup_share` of 1 or more counts steps.
    """
    chosen: dict[str, Any] = {**OPTIONAL, **pipeline.hyperparameters}
    if "warmup_steps" in chosen:
        chosen["warmup_share"] = chosen.pop("warmup_steps")
    if "class_weighted_loss" in chosen:
        chosen["class_weights"] = chosen.pop("class_weighted_loss")
    if not chosen["use_gradient_clipping"]:
        chosen["gradient_clipping_max_norm"] = 0.0
    return chosen
