"""The base checkpoint of a run: name and features, never a path. Knows no registry of language models."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

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


def language_model(model: Any, named: str | None) -> dict[str, Any]:
    """`language_model` of a record.

    `named` is the user's own word: "source:name@revision#variant" or a bare name. Without it the name the checkpoint
    was loaded by, when that is one of the HF Hub; a folder's name is not told.
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
    if not _is_hub_name(loaded_by):
        return {"source": "path", "name": None}
    commit = getattr(config, "_commit_hash", None)
    return {"source": "hub", "name": loaded_by, "revision": commit if isinstance(commit, str) else None}


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
