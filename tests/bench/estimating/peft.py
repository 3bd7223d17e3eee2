"""The PEFT method comparison: one checkpoint, one task, some sixty ways to adapt it, real seconds and memory.

Knows the folder of shared data (TUNELORE_SHARED, default ../shared); knows no estimator. All runs are of
Llama-3.2-3B on MetaMathQA on one kind of device. The comparison publishes no failed run. The task of a run is
the environment it was measured in (its torch version): seconds differ by it, as they do between machines.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from automl.estimators.reading import Experience
from automl.values import Evidence, Pipeline

FOLDER = Path(os.environ.get("TUNELORE_SHARED", "../shared")) / "data" / "peft"
FILES = ("method_comparison_head.jsonl.gz", "method_comparison_history.jsonl.gz")
NAME = "peft"
#: The published configuration of Llama-3.2-3B, and what the maker says of an L40S in bfloat16 (without sparsity).
LLAMA = {
    "parameters": 3212749824.0,
    "layers": 28.0,
    "hidden_size": 3072.0,
    "vocabulary": 128256.0,
    "heads": 24.0,
    "kv_heads": 8.0,
}
SPEEDS = {"NVIDIA L40S": 1.81e14}
#: Words of a problem and its worked answer, in characters: 210 tokens of 4.2, as the runs' own token counts say.
MEAN_LENGTH, LENGTH_DEVIATION = 870.0, 450.0
ROWS = 395_000


def available() -> bool:
    """Whether the records are there."""
    return all((FOLDER / name).exists() for name in FILES)


def experience() -> Experience:
    """Every version of every text result, the newest first; what carries no peak memory is left out."""
    found = [run for number, (path, record) in enumerate(_records()) for run in _run(number, path, record)]
    facts = {run.pipeline.language_model or "": LLAMA for run in found}
    return Experience(found, facts, {run.task: run.task for run in found})


def _records() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in FILES:
        with gzip.open(FOLDER / name, "rt", encoding="utf-8") as lines:
            for one in map(json.loads, lines):
                if "MetaMathQA" in one["source"]["path"]:
                    yield one["source"]["path"], one["record"]


def family_of(run: Evidence) -> str:
    """The kind of adapter of a run."""
    return run.pipeline.method


def _run(number: int, path: str, record: Mapping[str, Any]) -> Iterator[Evidence]:
    train, config = record["run_info"]["train_config"], record["run_info"]["peft_config"] or {}
    info, meta = record["train_info"], record["meta_info"]
    peak = info.get("accelerator_memory_max")
    accelerator = (meta.get("system_info") or {}).get("accelerator")
    if not peak or accelerator not in SPEEDS:
        return
    metrics = info["metrics"][-1] if info["metrics"] else {}
    torch = (meta["package_info"].get("torch-version") or "unknown").partition("+")[0]
    yield Evidence(
        id=f"{number}/{path}",
        task=f"metamath/torch-{torch}",
        metafeatures={
            "mean_length": MEAN_LENGTH,
            "length_deviation": LENGTH_DEVIATION,
            "instances": float(ROWS),
        },
        pipeline=Pipeline(*_choice(train, config, info), "hub:meta-llama/Llama-3.2-3B@recorded"),
        status="ok" if info["status"] == "success" else "error",
        score=metrics.get("test accuracy"),
        seconds=record["run_info"]["total_time"],
        memory_bytes=int(peak),
        system={"device_speed": SPEEDS[accelerator]},
        train_rows=ROWS,
    )


def _choice(
    train: Mapping[str, Any], config: Mapping[str, Any], info: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    kind = str(config.get("peft_type") or "full").lower()
    values: dict[str, Any] = {
        "learning_rate": (train.get("optimizer_kwargs") or {}).get("lr"),
        "batch_size": train["batch_size"],
        "max_length": train["max_seq_length"],
        "steps": train["max_steps"],
        "dtype": train["dtype"],
        "gradient_checkpointing": bool(train.get("use_gc")),
        "evaluation_batch_size": train["batch_size_eval"],
        "new_tokens": (train.get("generation_kwargs") or {}).get("max_new_tokens", 300),
        "trainable_parameters": info["num_trainable_params"],
    }
    rank = config.get("r")
    if isinstance(rank, int):
        values["lora_r"] = rank
    return kind, {name: value for name, value in values.items() if value is not None}
