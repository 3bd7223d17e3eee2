"""Small files in the formats of other tools, written by hand: for tests that need no shared data, and for mutation."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
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
    """A run's folder: its state, and files beside it, _ for the point in their names (config_json={})."""
    folder.mkdir(parents=True, exist_ok=True)
    data = state if isinstance(state, bytes) else json.dumps(state, indent=2).encode()
    (folder / "trainer_state.json").write_bytes(data)
    for name, content in beside.items():
        stem, _, end = name.rpartition("_")
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{stem}.{end}").write_text(text, encoding="utf-8")
    return folder


RUN_ID = "0123456789abcdef0123456789abcdef"
MLFLOW_TABLES = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, lifecycle_stage TEXT);
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT,
  lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER);
CREATE TABLE params ("key" TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE tags ("key" TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE metrics ("key" TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN);
CREATE TABLE datasets (dataset_uuid TEXT, experiment_id INTEGER, name TEXT, digest TEXT, dataset_source_type TEXT,
  dataset_source TEXT, dataset_profile TEXT);
CREATE TABLE inputs (input_uuid TEXT, source_type TEXT, source_id TEXT, destination_type TEXT, destination_id TEXT);
CREATE TABLE input_tags (input_uuid TEXT, name TEXT, value TEXT);
INSERT INTO experiments VALUES (7, 'first tries', 'active');
"""
MLFLOW_STATES = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}
HUB_SOURCE = '{"path": "fancyzhxy/news", "config_name": "plain", "revision": "main"}'


@dataclass
class MlflowRun:
    """One run of MLflow, for both of its storages; metrics: name -> [(step, milliseconds, value)]."""

    key: str = RUN_ID
    status: str = "FINISHED"
    started: int | None = 1_795_218_725_971
    ended: int | None = 1_795_218_734_219
    stage: str = "active"
    params: dict[str, str] = field(
        default_factory=lambda: {"C": "30.0", "alpha": "1e-05", "seed": "3", "fit": "True"}
    )
    tags: dict[str, str] = field(
        default_factory=lambda: {
            "mlflow.user": "somebody",
            "mlflow.source.name": "/home/somebody/train.py",
            "mlflow.source.git.commit": "0a1b2c",
            "team": "red",
        }
    )
    metrics: dict[str, list[tuple[int, int, float]]] = field(
        default_factory=lambda: {
            "val_macro_f1": [(1, 1_795_218_726_000, 0.6), (2, 1_795_218_727_000, 0.7)],
            "val_log_loss": [(2, 1_795_218_727_000, math.nan)],
            "n_features": [(0, 1_795_218_726_000, 30161.0)],
        }
    )
    source: tuple[str, str] | None = ("hugging_face", HUB_SOURCE)


def write_mlruns(root: Path, run: MlflowRun) -> Path:
    """The run in a file store."""
    top = root / "mlruns" / "7"
    folder = top / run.key
    folder.mkdir(parents=True)
    (top / "meta.yaml").write_text("experiment_id: '7'\nname: first tries\n")
    told = {"run_id": run.key, "run_name": "one", "status": MLFLOW_STATES.get(run.status, run.status)}
    told |= {
        "start_time": run.started,
        "end_time": run.ended,
        "lifecycle_stage": run.stage,
        "user_id": "somebody",
    }
    (folder / "meta.yaml").write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in told.items()))
    for kind, values in (("params", run.params), ("tags", run.tags)):
        for key, value in values.items():
            path = folder / kind / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value)
    for key, points in run.metrics.items():
        path = folder / "metrics" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{moment} {value} {step}\n" for step, moment, value in points))
    if run.source:
        for path in (top / "datasets" / "d1", folder / "inputs" / "i1"):
            path.mkdir(parents=True)
        kind, source = run.source
        told = {
            "name": "news",
            "digest": "9e",
            "source_type": kind,
            "source": source,
            "profile": '{"num_rows": 400}',
        }
        (top / "datasets" / "d1" / "meta.yaml").write_text(
            "".join(f"{key}: {value!r}\n" for key, value in told.items())
        )
        given = "source_id: d1\nsource_type: DATASET\ntags:\n  mlflow.data.context: training\n"
        (folder / "inputs" / "i1" / "meta.yaml").write_text(given)
    return root / "mlruns"


def write_mlflow_db(path: Path, *runs: MlflowRun) -> Path:
    """The runs in a database."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(MLFLOW_TABLES)
        for run in runs:
            row = (run.key, "one", "somebody", run.status, run.started, run.ended, run.stage, "/home/x", 7)
            db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            for table, values in (("params", run.params), ("tags", run.tags)):
                rows = [(key, value, run.key) for key, value in values.items()]
                db.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", rows)
            for key, points in run.metrics.items():
                for step, moment, value in points:
                    nan = math.isnan(value)
                    db.execute(
                        "INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)",
                        (key, 0.0 if nan else value, moment, run.key, step, nan),
                    )
            if run.source:
                profile = '{"num_rows": 400}'
                db.execute(
                    "INSERT INTO datasets VALUES ('d1', 7, 'news', '9e', ?, ?, ?)", (*run.source, profile)
                )
                db.execute("INSERT INTO inputs VALUES ('i1', 'DATASET', 'd1', 'RUN', ?)", (run.key,))
                db.execute("INSERT INTO input_tags VALUES ('i1', 'mlflow.data.context', 'training')")
        db.commit()
    return path


OPTUNA_TABLES = """
CREATE TABLE version_info (version_info_id INTEGER, schema_version INTEGER, library_version TEXT);
CREATE TABLE studies (study_id INTEGER PRIMARY KEY, study_name TEXT);
CREATE TABLE study_directions (study_id INTEGER, direction TEXT, objective INTEGER);
CREATE TABLE study_user_attributes (study_id INTEGER, "key" TEXT, value_json TEXT);
CREATE TABLE study_system_attributes (study_id INTEGER, "key" TEXT, value_json TEXT);
CREATE TABLE trials (trial_id INTEGER PRIMARY KEY, number INTEGER, study_id INTEGER, state TEXT,
  datetime_start DATETIME, datetime_complete DATETIME);
CREATE TABLE trial_params (param_id INTEGER PRIMARY KEY, trial_id INTEGER, param_name TEXT, param_value FLOAT,
  distribution_json TEXT);
CREATE TABLE trial_values (trial_id INTEGER, objective INTEGER, value FLOAT, value_type TEXT);
CREATE TABLE trial_intermediate_values (trial_id INTEGER, step INTEGER, intermediate_value FLOAT,
  intermediate_value_type TEXT);
CREATE TABLE trial_user_attributes (trial_id INTEGER, "key" TEXT, value_json TEXT);
CREATE TABLE trial_system_attributes (trial_id INTEGER, "key" TEXT, value_json TEXT);
"""
FLOAT = '{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-07, "high": 0.1, "log": true}}'
CHOICE = '{"name": "CategoricalDistribution", "attributes": {"choices": ["hinge", null, 5]}}'
INTEGER = '{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 3}}'
STARTED, ENDED = "2026-11-20 23:58:50.210396", "2026-11-20 23:58:52.009338"


def write_optuna_db(path: Path, *, state: str = "COMPLETE", version: str = "5.0.0", value: Any = 0.7) -> Path:
    """A study of two objectives with one trial."""
    kind = {math.inf: "INF_POS", -math.inf: "INF_NEG"}.get(value, "FINITE")
    with closing(sqlite3.connect(path)) as db:
        db.executescript(OPTUNA_TABLES)
        db.execute("INSERT INTO version_info VALUES (1, 12, ?)", (version,))
        db.execute("INSERT INTO studies VALUES (1, 'sizes')")
        db.executemany("INSERT INTO study_directions VALUES (1, ?, ?)", [("MAXIMIZE", 0), ("MINIMIZE", 1)])
        db.execute("INSERT INTO study_user_attributes VALUES (1, 'task', '\"news\"')")
        names = '["val_macro_f1", "n_features"]'
        db.execute("INSERT INTO study_system_attributes VALUES (1, 'study:metric_names', ?)", (names,))
        db.execute("INSERT INTO trials VALUES (1, 0, 1, ?, ?, ?)", (state, STARTED, ENDED))
        params = [("alpha", 1e-5, FLOAT), ("loss", 0.0, CHOICE), ("ngram_max", 2.0, INTEGER)]
        db.executemany("INSERT INTO trial_params VALUES (NULL, 1, ?, ?, ?)", params)
        if state == "COMPLETE":
            stored = None if kind != "FINITE" else value
            db.execute("INSERT INTO trial_values VALUES (1, 0, ?, ?)", (stored, kind))
            db.execute("INSERT INTO trial_values VALUES (1, 1, 30161.0, 'FINITE')")
        db.executemany(
            "INSERT INTO trial_intermediate_values VALUES (1, ?, ?, ?)",
            [(0, 0.5, "FINITE"), (1, None, "NAN")],
        )
        db.execute("INSERT INTO trial_user_attributes VALUES (1, 'fit_seconds', '0.58')")
        db.commit()
    return path


def journal_lines() -> list[dict[str, Any]]:
    """A journal of one study with one trial that went well and one that still runs."""
    started, ended = "2026-11-21T00:00:44.443305+00:00", "2026-11-21T00:00:45.573490+00:00"
    param = {"op_code": 5, "trial_id": 0}
    return [
        {"op_code": 0, "study_name": "sizes", "directions": [2]},
        {"op_code": 2, "study_id": 0, "user_attr": {"task": "news"}},
        {"op_code": 4, "study_id": 0, "datetime_start": started},
        {**param, "param_name": "alpha", "param_value_internal": 1e-5, "distribution": FLOAT},
        {**param, "param_name": "loss", "param_value_internal": 1, "distribution": CHOICE},
        {"op_code": 7, "trial_id": 0, "step": 0, "intermediate_value": 0.5},
        {"op_code": 8, "trial_id": 0, "user_attr": {"n_features": 30161}},
        {"op_code": 6, "trial_id": 0, "state": 1, "values": [0.7], "datetime_complete": ended},
        {"op_code": 4, "study_id": 0, "datetime_start": ended},
    ]


def write_journal(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def peft_result(**train: Any) -> dict[str, Any]:
    """A result of PEFT's method comparison; a keyword replaces a member of train_info."""
    return {
        "run_info": {
            "created_at": "2026-07-14T13:26:19+00:00",
            "total_time": 1441.0,
            "experiment_name": "lora/llama",
            "train_config": {
                "model_id": "meta-llama/Llama-3.2-3B",
                "batch_size": 4,
                "max_steps": 20,
                "max_seq_length": 768,
                "seed": 7,
                "optimizer_kwargs": {"lr": 0.0001, "weight_decay": 0.1},
                "lr_scheduler": "cosine",
                "query_template": "Question: {query}",
                "dataset_id": "fancyzhxy/news",
            },
            "peft_config": {
                "peft_type": "LORA",
                "r": 8,
                "target_modules": ["v_proj", "q_proj"],
                "bias": "none",
            },
            "error_msg": "",
        },
        "train_info": {
            "accelerator_memory_max": 22781362176,
            "train_time": 1168.5,
            "num_trainable_params": 100,
            "num_total_params": 3000,
            "status": "success",
            "metrics": [
                {"step": 10, "valid accuracy": 0.3, "train loss": 0.9, "elapsed time": 500.0},
                {"step": 20, "test accuracy": 0.37, "train loss": 0.7},
            ],
            **train,
        },
        "meta_info": {
            "model_info": {"sha": "13af"},
            "dataset_info": {"sha": "aa4f"},
            "package_info": {"torch-version": "2.13.0", "torch-commit-hash": None},
            "system_info": {"release": "6.17-somebodys-host", "accelerator": "NVIDIA L40S"},
        },
    }
