"""Small files in the formats of other tools, written by hand: for tests that need no shared data, and for mutation."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

FEATURES = [120.0, 4.0, 1.99, 0.25, 0.25, 1.0, 236.4, 66.5, 0.28, 0.74]
LORA = {
    "LoraGenLLMClassifier": {
        "inner_model": {
            "annotation": "Algorithm[[Prompt],GeneratedText]",
            "value": {"TEXT_GEN_Gpt2_Xl": {}},
        },
        "lora_r": {"value": 8},
        "learning_rate": {"value": 5e-05},
        "use_mixed_precision": {"value": False},
    }
}
CLASSIC = [
    {"TfidfVectorizer": {"ngram_max": {"value": 2}}},
    {"Voting": {"inner": {"value": {"NuSVC": {"nu": {"value": 0.3}}}}, "weights": {"value": [1, 2]}}},
]


def evaluation(**parts: Any) -> dict[str, Any]:
    """A file of XAutoLM's store in the old schema; a keyword replaces a member, ... removes it."""
    made = {
        "algorithms": [LORA],
        "dataset_features": FEATURES,
        "system_features": [8.0, 16.0, 5.0, 125.5, 0.0],
        "dataset_feature_extractor_name": "TextClassificationFeatureExtractor",
        "system_feature_extractor_name": "SystemFeatureExtractor",
        "timestamp": "2024-10-28 08:36:03",
        "alias": "news",
        "accuracy": 0.91,
        "cross_val_steps": None,
        "f1": 0.9,
        "evaluation_time": 27.2,
        "error": None,
        **parts,
    }
    return {key: value for key, value in made.items() if value is not ...}


def new_evaluation(**parts: Any) -> dict[str, Any]:
    """The same in the new schema."""
    metrics = [
        {"name": "f1", "maximize": True, "value": 0.9},
        {"name": "evaluation_time", "maximize": False, "value": 27.2},
        {"name": "time_train_mean_seconds", "maximize": False, "value": 25.0},
        {"name": "Accuracy", "maximize": True, "value": 0.91},
    ]
    gone = dict.fromkeys(("dataset_features", "accuracy", "f1", "evaluation_time"), ...)
    made = {"task_features": {"meta": FEATURES, "semantic": None}, "metrics": metrics}
    return evaluation(**{**gone, **made, **parts})


def failed_evaluation(
    error: str = "mat1 and mat2 shapes cannot be multiplied", **parts: Any
) -> dict[str, Any]:
    """A failure as it is told first."""
    return evaluation(accuracy=None, f1=None, evaluation_time=None, error=error, **parts)


def worst_evaluation(**parts: Any) -> dict[str, Any]:
    """A failure as it is told again."""
    return evaluation(accuracy=None, f1=-math.inf, evaluation_time=math.inf, **parts)


def write_store(root: Path, *contents: dict[str, Any], alias: str = "news") -> list[Path]:
    """Files alias/date/time-number.json, as that system writes them."""
    paths = []
    for place, content in enumerate(contents):
        path = root / alias / "2024-10-28" / f"08:36:{place:02d}-00000000-0000-4000-8000-{place:012d}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=4), encoding="utf-8")
        paths.append(path)
    return paths


def trainer_state(**parts: Any) -> dict[str, Any]:
    """A state of the Hugging Face Trainer after four of four steps; a keyword replaces a member."""
    log = [
        {"epoch": 0.5, "loss": 0.9, "learning_rate": 5e-05, "grad_norm": 1.5, "step": 2},
        {
            "epoch": 1.0,
            "eval_loss": 0.7,
            "eval_macro_f1": 0.6,
            "eval_accuracy": 0.65,
            "eval_runtime": 1.5,
            "step": 4,
        },
    ]
    return {
        "best_metric": 0.6,
        "best_model_checkpoint": "/home/somebody/out/checkpoint-4",
        "epoch": 1.0,
        "global_step": 4,
        "is_hyper_param_search": False,
        "log_history": log,
        "max_steps": 4,
        "num_train_epochs": 1,
        "train_batch_size": 8,
        "trial_name": None,
        "trial_params": None,
        **parts,
    }


CARD = """---
language: en
license: mit
base_model: distilbert-base-uncased
model-index:
- name: out
  results:
  - task: {type: text-classification}
    dataset: {name: The News, type: fancyzhxy/news, config: plain, split: test}
    metrics:
    - {type: accuracy, value: 0.64, name: Accuracy}
---

### Training hyperparameters

The following hyperparameters were used during training:
- learning_rate: 0.0005
- train_batch_size: 8
- seed: 13
- lr_scheduler_type: linear
- lr_scheduler_warmup_ratio: 0.1
- optimizer: Use adamw_torch
"""


def write_run(folder: Path, state: Any, **beside: Any) -> Path:
    """A run's folder: its state, and files beside it by name with _ for the point (config_json={...}, README_md=...)."""
    folder.mkdir(parents=True, exist_ok=True)
    data = state if isinstance(state, bytes) else json.dumps(state, indent=2).encode()
    (folder / "trainer_state.json").write_bytes(data)
    for name, content in beside.items():
        stem, _, end = name.rpartition("_")
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{stem}.{end}").write_text(text, encoding="utf-8")
    return folder
