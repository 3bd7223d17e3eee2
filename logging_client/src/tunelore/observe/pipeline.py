"""Method and hyper-parameters of a run, by a list of what may be told. Knows no search space."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tunelore.observe.language_model import base_model, count_parameters
from tunelore.runs.values import clean, finite, pathless

Scalar = float | int | bool | str | None
# Named by the Trainer's argument; told only where they differ from its default, so that the same choice made
# elsewhere (by a search, in another library) has the same digest.
DEFAULTS: Mapping[str, Scalar] = {
    "lr_scheduler_type": "linear",
    "gradient_accumulation_steps": 1,
    "max_grad_norm": 1.0,
    "label_smoothing_factor": 0.0,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "neftune_noise_alpha": None,
    "gradient_checkpointing": False,
    "bf16": False,
    "fp16": False,
    "auto_find_batch_size": False,
}
USUAL_OPTIMISERS = ("adamw_torch", "adamw_torch_fused")
PEFT_SETTINGS = ("r", "lora_alpha", "lora_dropout", "bias", "use_rslora", "use_dora", "num_virtual_tokens")
PEFT_DEFAULTS: Mapping[str, Scalar] = {"bias": "none", "use_rslora": False, "use_dora": False}
_LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.")


def pipeline(args: Any, model: Any, processing_class: Any, extra: Mapping[str, Scalar]) -> dict[str, Any]:
    """`pipeline` of a record. `extra` are hyper-parameters of the user's own, which win."""
    method, settings = _method(model)
    hyperparameters = {**_training(args), **_length(processing_class), **settings, **extra}
    return {
        "method": method,
        "space": None,
        "hyperparameters": {clean(name, 100): scalar(value) for name, value in hyperparameters.items()},
    }


def script_pipeline(model: Any, method: str | None, given: Mapping[str, Scalar]) -> dict[str, Any]:
    """`pipeline` of a record where there is no Trainer: what the script says, and what the model shows."""
    found, settings = ("unknown", {}) if model is None else _method(model)
    hyperparameters = {**settings, **given}
    return {
        "method": clean(method, 64) if method else found,
        "space": None,
        "hyperparameters": {clean(name, 100): scalar(value) for name, value in hyperparameters.items()},
    }


def _training(args: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    names = {"learning_rate": "learning_rate", "weight_decay": "weight_decay"}
    names["per_device_train_batch_size"] = "batch_size"
    for argument, name in names.items():
        if hasattr(args, argument):
            found[name] = getattr(args, argument)
    if getattr(args, "max_steps", -1) and getattr(args, "max_steps", -1) > 0:
        found["max_steps"] = args.max_steps
    elif hasattr(args, "num_train_epochs"):
        epochs = float(args.num_train_epochs)
        found["epochs"] = int(epochs) if epochs.is_integer() else epochs
    warmup = float(getattr(args, "warmup_steps", 0) or getattr(args, "warmup_ratio", 0) or 0)
    found["warmup_share" if warmup < 1 else "warmup_steps"] = warmup if warmup < 1 else int(warmup)
    optimiser = scalar(getattr(args, "optim", None))
    if optimiser is not None and optimiser not in USUAL_OPTIMISERS:
        found["optim"] = optimiser
    for name, default in DEFAULTS.items():
        value = scalar(getattr(args, name, default))
        if value != default:
            found[name] = value
    return found


def _length(processing_class: Any) -> dict[str, Any]:
    """A fast tokeniser remembers the length it last cut to; others do not say."""
    tokenizer = getattr(processing_class, "backend_tokenizer", None) or getattr(
        processing_class, "_tokenizer", None
    )
    truncation = getattr(tokenizer, "truncation", None)
    length = truncation.get("max_length") if isinstance(truncation, dict) else None
    return {"max_length": length} if isinstance(length, int) else {}


def _method(model: Any) -> tuple[str, dict[str, Any]]:
    configs = getattr(model, "peft_config", None)
    if isinstance(configs, dict) and configs:
        return _peft(next(iter(configs.values())))
    total, trainable = count_parameters(model)
    if not total or trainable is None or trainable == total:
        return "full", {}
    return "partial", {"frozen_share": frozen_share(model)}


def _peft(config: Any) -> tuple[str, dict[str, Any]]:
    kind = getattr(config, "peft_type", "peft")
    method = str(getattr(kind, "value", kind)).lower()[:64]
    settings: dict[str, Any] = {}
    for name in PEFT_SETTINGS:
        value = scalar(getattr(config, name, None))
        if value is not None and value != PEFT_DEFAULTS.get(name):
            settings["lora_r" if name == "r" and method == "lora" else name] = value
    modules = getattr(config, "target_modules", None)
    if isinstance(modules, (set, list, tuple)):
        settings["target_modules"] = sorted(str(name) for name in modules)[:64]
    elif isinstance(modules, str):
        settings["target_modules"] = modules
    return method, settings


def frozen_share(model: Any) -> float | None:
    """The share of the encoder's layers without any trainable parameter, in [0, 1]; None without numbered layers."""
    layers: dict[str, bool] = {}
    for name, parameter in base_model(model).named_parameters():
        match = _LAYER.search(name)
        if match:
            layers[match[1]] = layers.get(match[1], False) or bool(parameter.requires_grad)
    return sum(not trained for trained in layers.values()) / len(layers) if layers else None


def scalar(value: Any) -> Any:
    """A scalar of JSON; enumerations by their value, long text cut, paths without folders, all else null."""
    value = getattr(value, "value", value)
    if isinstance(value, list):
        return [scalar(item) for item in value[:64]]
    if isinstance(value, str):
        return clean(pathless(value), 256)
    if value is None or isinstance(value, (bool, int)):
        return value
    return finite(value)
