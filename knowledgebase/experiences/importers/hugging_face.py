"""What Hugging Face's configurations and arguments say: language model, kind of task, method, hyper-parameters.

Several formats carry them: the Trainer's folders, what it logs to MLflow, PEFT's results. It reads values, no file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from knowledgebase.experiences.importers.values import hub_name, language_model, text, whole

COUNTS = {
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "hidden_size": ("hidden_size", "n_embd", "d_model", "dim"),
    "context": ("max_position_embeddings", "n_positions", "n_ctx"),
    "vocabulary": ("vocab_size",),
}
HEADS = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForQuestionAnswering": "question-answering",
    "ForCausalLM": "text-generation",
    "LMHeadModel": "text-generation",
    "ForConditionalGeneration": "text-generation",
    "ForMultipleChoice": "multiple-choice",
    "ForImageClassification": "image-classification",
}
ADAPTED = {
    "SEQ_CLS": "text-classification",
    "CAUSAL_LM": "text-generation",
    "SEQ_2_SEQ_LM": "text-generation",
    "TOKEN_CLS": "token-classification",
    "QUESTION_ANS": "question-answering",
}
PEFT_SETTINGS = ("r", "lora_alpha", "lora_dropout", "bias", "use_rslora", "use_dora", "num_virtual_tokens")
PEFT_DEFAULTS: Mapping[str, Any] = {"bias": "none", "use_rslora": False, "use_dora": False}
# The Trainer's names in our words; what is its default is not told, as the logging client does.
SETTINGS = {
    "learning_rate": "learning_rate",
    "train_batch_size": "batch_size",
    "per_device_train_batch_size": "batch_size",
    "num_epochs": "epochs",
    "num_train_epochs": "epochs",
    "training_steps": "max_steps",
    "weight_decay": "weight_decay",
    "lr_scheduler_warmup_ratio": "warmup_share",
    "warmup_ratio": "warmup_share",
    "lr_scheduler_warmup_steps": "warmup_steps",
    "warmup_steps": "warmup_steps",
    "lr_scheduler_type": "lr_scheduler_type",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "label_smoothing_factor": "label_smoothing_factor",
    "mixed_precision_training": "mixed_precision",
}
DEFAULTS: Mapping[str, Any] = {
    "lr_scheduler_type": "linear",
    "gradient_accumulation_steps": 1,
    "label_smoothing_factor": 0.0,
}
# Names without an owner are those of the HF Hub's first years; any other single word may as well be a folder here.
_FIRST_NAMES = re.compile(
    r"(?:distil)?(?:bert|roberta|gpt2)(?:-.+)?|(?:xlm|xlnet|albert|camembert|t5|openai-gpt|transfo-xl|ctrl)(?:-.+)?"
)
_FOLDERS = re.compile(
    r"(?:results?|outputs?|models?|runs?|checkpoints?|data|content|tmp|mnt|home|root|saved?.*)/", re.I
)


def kind(config: Mapping[str, Any], adapter: Mapping[str, Any]) -> str | None:
    """The kind of task by the head's class or by what the adapter was made for."""
    architectures = config.get("architectures")
    names = architectures if isinstance(architectures, list) else []
    for name in (one for one in names if isinstance(one, str)):
        for head, found in HEADS.items():
            if name.endswith(head):
                return found
    return ADAPTED.get(str(adapter.get("task_type")))


def base_model(config: Mapping[str, Any], adapter: Mapping[str, Any], named: object) -> dict[str, Any]:
    """``language_model`` of a record; ``named``: what the card calls the base. Folders are no names."""
    told = (adapter.get("base_model_name_or_path"), named, config.get("_name_or_path"))
    names = [one for one in told if isinstance(one, str) and one]
    chosen = next((one for one in names if is_hub_name(one)), None)
    revision = adapter.get("revision") if chosen == told[0] else None
    found = language_model(chosen, features(config), revision)
    if chosen is None and names:
        found["source"] = "path"
    return found


def is_hub_name(name: str) -> bool:
    """Whether a text that names a checkpoint can only be one of the HF Hub."""
    if hub_name(name) is None or _FOLDERS.match(name) or re.search(r"checkpoint[-_]?\d*$", name):
        return False
    return "/" in name or _FIRST_NAMES.fullmatch(name.lower()) is not None


def features(config: Mapping[str, Any]) -> dict[str, Any]:
    """Layers, width, context, vocabulary and family, as far as they are said."""
    found: dict[str, Any] = {}
    for name, keys in COUNTS.items():
        values = [whole(config.get(key)) for key in keys]
        value = next((one for one in values if one), None)
        if value is not None:
            found[name] = value
    architecture = text(config.get("model_type"), 100)
    return found | ({"architecture": architecture} if architecture else {})


def method(adapter: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Method and its settings. Without an adapter nobody says whether layers were frozen."""
    if not adapter:
        return "unknown", {}
    name = (text(adapter.get("peft_type"), 64) or "unknown").lower()
    found: dict[str, Any] = {}
    for key in PEFT_SETTINGS:
        value = adapter.get(key)
        if value is not None and value != PEFT_DEFAULTS.get(key):
            found["lora_r" if key == "r" and name == "lora" else key] = value
    modules = adapter.get("target_modules")
    if isinstance(modules, list) and all(isinstance(one, str) for one in modules):
        found["target_modules"] = sorted(modules)
    elif isinstance(modules, str):
        found["target_modules"] = modules
    return name, found
