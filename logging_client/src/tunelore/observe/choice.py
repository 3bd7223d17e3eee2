"""What is trained and how: language model, method and hyper-parameters, by a list of what may be told; never a path.

Knows no registry of language models and no search space.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from tunelore.runs.values import clean, finite, pathless

SOURCES = ("hub", "path", "package", "unknown")
_KEY = re.compile(r"(?:(?P<source>[a-z]+):)?(?P<name>[^@#]+)(?:@(?P<revision>[^#]+))?(?:#(?P<variant>.+))?")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?")
_COUNTS = {
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "hidden_size": ("hidden_size", "n_embd", "d_model", "dim"),
    "context": ("max_position_embeddings", "n_positions", "n_ctx"),
    "vocabulary": ("vocab_size",),
}
# How families were pre-trained, by the architecture's own name (their papers); others are left out.
_OBJECTIVES = {
    "mlm": (
        *("bert", "roberta", "xlm-roberta", "albert", "distilbert", "deberta", "deberta-v2", "mpnet"),
        *("camembert", "modernbert"),
    ),
    "rtd": ("electra",),
    "clm": (
        *("gpt2", "gpt_neo", "gpt_neox", "llama", "mistral", "qwen2", "qwen3", "opt", "phi", "phi3"),
        *("gemma", "gemma2", "gemma3", "bloom", "falcon"),
    ),
    "seq2seq": ("t5", "mt5", "bart", "mbart", "pegasus"),
}
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


def language_model(model: Any, named: str | None) -> dict[str, Any]:
    """`language_model` of a record.

    `named` is the user's own word: "source:name@revision#variant" or a bare name. Without it the name the checkpoint
    was loaded by, when the Hub's commit is known with it; a folder's name is not told.
    """
    config = getattr(base_model(model), "config", None)
    identity = from_key(named) if named else _from_config(config)
    return {**identity, "features": _features(model, config)}


def base_model(model: Any) -> Any:
    """The checkpoint under PEFT's and data-parallel wrappers."""
    for _ in range(4):
        if callable(getattr(model, "get_base_model", None)) and hasattr(model, "peft_config"):
            model = model.get_base_model()
        elif hasattr(model, "module") and hasattr(model.module, "parameters"):
            model = model.module
        else:
            return model
    return model


def from_key(named: str) -> dict[str, Any]:
    """A key taken apart; a bare name is of the HF Hub when it could be one and is no folder here."""
    match = _KEY.fullmatch(named.strip())
    if match is None or (match["source"] and match["source"] not in SOURCES):
        return {"source": "unknown", "name": None}
    name = match["name"]
    source = match["source"] or ("hub" if _is_hub_name(name) else "path")
    if source == "path" and ("/" in name or "\\" in name):
        name = re.split(r"[/\\]", name.rstrip("/\\"))[-1] if match["source"] else None
    parts = {"source": source, "name": name, "revision": match["revision"], "variant": match["variant"]}
    return {key: value and value[: 100 if key == "variant" else 200] for key, value in parts.items()}


def _from_config(config: Any) -> dict[str, Any]:
    loaded_by = getattr(config, "_name_or_path", None) or getattr(config, "name_or_path", None)
    if not isinstance(loaded_by, str) or not loaded_by:
        return {"source": "unknown", "name": None}
    # A folder may look like a Hub name ("alice/out") and be gone from here meanwhile; only the Hub gives a commit.
    commit = getattr(config, "_commit_hash", None)
    if not isinstance(commit, str) or not commit or not _is_hub_name(loaded_by):
        return {"source": "path", "name": None}
    return {"source": "hub", "name": loaded_by, "revision": commit}


def _is_hub_name(name: str) -> bool:
    return _HUB_NAME.fullmatch(name) is not None and not os.path.isdir(name)


def _features(model: Any, config: Any) -> dict[str, Any]:
    features: dict[str, Any] = {"parameters": count_parameters(base_model(model))[0]}
    for name, attributes in _COUNTS.items():
        found = [getattr(config, attribute, None) for attribute in attributes]
        value = next((one for one in found if isinstance(one, int) and not isinstance(one, bool)), None)
        if value is not None:
            features[name] = value
    architecture = getattr(config, "model_type", None)
    if isinstance(architecture, str) and architecture:
        features["architecture"] = architecture[:100]
        objective = next((name for name, families in _OBJECTIVES.items() if architecture in families), None)
        if objective is not None:
            features["pretraining_objective"] = objective
    return features


def count_parameters(model: Any) -> tuple[int | None, int | None]:
    """All parameters and the trainable ones; None where the model does not say."""
    if not callable(getattr(model, "parameters", None)):
        return None, None
    total = trainable = 0
    for parameter in model.parameters():
        number = int(parameter.numel())
        total += number
        trainable += number if parameter.requires_grad else 0
    return total, trainable


def task_kind(model: Any) -> str:
    """The kind of task by the head's class; unknown where the class does not say."""
    name = type(base_model(model)).__name__
    heads: Mapping[str, str] = {
        "ForSequenceClassification": "text-classification",
        "ForTokenClassification": "token-classification",
        "ForQuestionAnswering": "question-answering",
        "ForCausalLM": "text-generation",
        "LMHeadModel": "text-generation",
        "ForConditionalGeneration": "text-generation",
        "ForMultipleChoice": "multiple-choice",
    }
    return next((kind for head, kind in heads.items() if name.endswith(head)), "unknown")


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
