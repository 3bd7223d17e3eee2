"""Results of PEFT's method comparison: one file a run, or packed lines {source, record}. It stores nothing.

The id comes from the complete result. There is no outcome for running out of memory or for stopping by hand: both are
`canceled`, and the message tells them apart.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tunelore import record as records

from knowledgebase.experiences.importers import hugging_face, scores
from knowledgebase.experiences.importers.items import Found, Item, Refused, Source, Unreadable
from knowledgebase.experiences.importers.texts import json_value, read_bytes
from knowledgebase.experiences.importers.values import (
    CLIENT,
    at_least_zero,
    fitted,
    hub_name,
    hyperparameters,
    kept,
    number,
    text,
    whole,
    without_nothing,
)

VIA = "import:peft"
MAX_LINE_BYTES = 4 * 1024 * 1024
PARTS = ("run_info", "train_info", "meta_info")
STATES = ("success", "canceled", "failed")
NAMES = {
    "batch_size": "batch_size",
    "max_steps": "max_steps",
    "max_seq_length": "max_length",
    "optimizer_type": "optim",
    "lr_scheduler": "lr_scheduler_type",
    "grad_norm_clip": "max_grad_norm",
    "dtype": "dtype",
    "use_amp": "use_amp",
    "use_gc": "gradient_checkpointing",
}
_NO_METRIC = (
    "step",
    "train samples",
    "train total tokens",
    "train time",
    "eval time",
    "elapsed time",
    "tokens / sec",
)


def read(source: Source) -> Iterator[Item]:
    """One result of a .json file, or those of packed lines."""
    [path] = source.paths
    if path.suffix == ".json":
        yield _item(path, path.name, 1.0)
        return
    number_of_line = 0
    try:
        with path.open("rb") as raw, gzip.open(raw) if path.suffix == ".gz" else raw as file:
            size = path.stat().st_size or 1
            while line := file.readline(MAX_LINE_BYTES + 1):
                number_of_line += 1
                if line.strip():
                    yield _item(line, f"{path.name} line {number_of_line}", min(raw.tell() / size, 1.0))
    except (OSError, EOFError, zlib.error) as error:
        yield Refused(path.name, f"after line {number_of_line}: {error}")


def _item(given: Path | bytes, place: str, share: float) -> Item:
    try:
        if isinstance(given, Path):
            value = json_value(read_bytes(given))
        elif len(given) > MAX_LINE_BYTES:
            raise Unreadable(f"is longer than {MAX_LINE_BYTES:,} bytes")
        else:
            value = json_value(given)
            value = value.get("record") if isinstance(value, dict) else value
        record, notes = record_of(value)
    except Unreadable as error:
        return Refused(place, str(error), share=share)
    return Found(place, record, by_content=True, notes=notes, share=share)


def record_of(result: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The record of a result, and what did not fit; Unreadable names everything that is wrong."""
    run, train, meta = _checked(result)
    config, adapter = run["train_config"], run.get("peft_config") or {}
    named, left = hyperparameters(_settings(config, adapter))
    log = train["metrics"]
    measured: dict[str, Any] = {}
    for entry in log:
        measured.update({name: value for name, value in entry.items() if _is_metric(name, value)})
    metrics, rest = scores.by_split(measured)
    status, cause = _outcome(train["status"], str(run.get("error_msg") or ""))
    ok = status == "ok" and bool(metrics)
    record = {
        "schema": "tunelore.experience/1",
        "id": records.import_id("peft", _canonical(result)),
        "started_at": text(run.get("created_at"), 40),
        "finished_at": None,
        "task": _task(config, meta),
        "system": _system(meta),
        "language_model": _language_model(config, meta),
        "pipeline": {"method": _method(adapter, train), "space": None, "hyperparameters": named},
        "outcome": {"status": status if ok or status != "ok" else "unknown", "cause": cause},
        "metrics": metrics,
        "primary": scores.primary(metrics) if ok else None,
        "cost": _cost(config, train),
        "curve": [_point(entry) for entry in log],
        "provenance": {"client": CLIENT, "via": VIA, "seed": whole(config.get("seed"))},
        "extra": {"peft": _extra(run, train, meta, {**left, **rest})},
    }
    return fitted(record)


def _checked(result: Any) -> tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]:
    if not isinstance(result, dict):
        raise Unreadable("must be an object with run_info, train_info and meta_info")
    parts = [result.get(name) for name in PARTS]
    wrong = [
        f"{name} is missing" for name, part in zip(PARTS, parts, strict=True) if not isinstance(part, dict)
    ]
    if wrong:
        raise Unreadable("; ".join(wrong))
    run, train, meta = (part if isinstance(part, dict) else {} for part in parts)
    config, log = run.get("train_config"), train.get("metrics")
    if not isinstance(config, dict):
        wrong.append("run_info.train_config is missing")
    if not isinstance(run.get("peft_config") or {}, dict):
        wrong.append("run_info.peft_config must be an object or null")
    if not isinstance(log, list) or not all(isinstance(entry, dict) for entry in log):
        wrong.append(
            "train_info.metrics is missing" if log is None else "train_info.metrics must be a list of objects"
        )
    if train.get("status") not in STATES:
        wrong.append(f"unknown status {str(train.get('status'))[:40]!r}; known: {', '.join(STATES)}")
    rate = _optimizer(config).get("lr")
    if rate is not None and number(rate) is None:
        wrong.append(f"lr is not a number: {str(rate)[:40]!r}")
    if wrong:
        raise Unreadable("; ".join(wrong))
    return run, train, meta


def _optimizer(config: Any) -> Mapping[str, Any]:
    found = config.get("optimizer_kwargs") if isinstance(config, dict) else None
    return found if isinstance(found, dict) else {}


def _canonical(result: Mapping[str, Any]) -> str:
    try:
        return records.canonical(kept({name: result[name] for name in PARTS}, 50)).decode()
    except records.RecordError as error:
        raise Unreadable(str(error)) from error


def _settings(config: Mapping[str, Any], adapter: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = {NAMES[name]: value for name, value in config.items() if name in NAMES and value is not None}
    for name, value in _optimizer(config).items():
        found["learning_rate" if name == "lr" else name] = value
    found |= hugging_face.method(adapter)[1]
    return list(found.items())


def _method(adapter: Mapping[str, Any], train: Mapping[str, Any]) -> str:
    """Without an adapter everything was trained, where the counts say so."""
    if adapter:
        return hugging_face.method(adapter)[0]
    total = whole(train.get("num_total_params"))
    return "full" if total and total == whole(train.get("num_trainable_params")) else "unknown"


def _outcome(status: str, message: str) -> tuple[str, str | None]:
    if status == "success":
        return "ok", None
    if "out of memory" in message.lower():
        return "oom", "device"
    return ("killed", "user") if message == "manually canceled" else ("error", None)


def _is_metric(name: str, value: Any) -> bool:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return numeric and name not in _NO_METRIC and not name.startswith("mem ")


def _point(entry: Mapping[str, Any]) -> dict[str, Any]:
    values = {name[:200]: number(value) for name, value in entry.items() if _is_metric(name, value)}
    return {
        "step": whole(entry.get("step")),
        "seconds": at_least_zero(entry.get("elapsed time")),
        "values": dict(list(values.items())[:100]),
    }


def _task(config: Mapping[str, Any], meta: Mapping[str, Any]) -> dict[str, Any]:
    name = hub_name(config.get("dataset_id"))
    told = meta.get("dataset_info")
    revision = text(told.get("sha"), 200) if isinstance(told, dict) else None
    dataset = {"source": "hub", "name": name, "revision": revision} if name else {"source": "unknown"}
    return {"kind": "text-generation" if "query_template" in config else "unknown", "dataset": dataset}


def _language_model(config: Mapping[str, Any], meta: Mapping[str, Any]) -> dict[str, Any]:
    told = meta.get("model_info")
    revision = text(told.get("sha"), 200) if isinstance(told, dict) else None
    name = hub_name(config.get("model_id"))
    return (
        {"source": "hub", "name": name, "revision": revision} if name else {"source": "unknown", "name": None}
    )


def _system(meta: Mapping[str, Any]) -> dict[str, Any] | None:
    """The accelerator by its name, and versions; the machine's release and build stay under extra."""
    system, packages = (meta.get(name) for name in ("system_info", "package_info"))
    name = text(system.get("accelerator"), 200) if isinstance(system, dict) else None
    versions = packages if isinstance(packages, dict) else {}
    software = {
        package.removesuffix("-version"): version
        for package, version in versions.items()
        if package.endswith("-version") and text(version, 100)
    }
    kind = "cuda" if name and name.startswith("NVIDIA") else "accelerator"
    features = {"devices": [{"kind": kind, "name": name}]} if name else {}
    return (
        {"features": features, "software": dict(list(software.items())[:64])}
        if features or software
        else None
    )


def _cost(config: Mapping[str, Any], train: Mapping[str, Any]) -> dict[str, Any]:
    steps = [whole(entry.get("step")) or 0 for entry in train["metrics"]]
    memory = train.get("accelerator_memory_max", train.get("cuda_memory_max"))
    return without_nothing(
        {
            "train_s": at_least_zero(train.get("train_time")),
            "device_memory_bytes": whole(memory),
            "parameters": whole(train.get("num_total_params")),
            "trainable_parameters": whole(train.get("num_trainable_params")),
            "batch_size_asked": whole(config.get("batch_size")),
            "steps": max(steps, default=None),
        }
    )


def _extra(
    run: Mapping[str, Any], train: Mapping[str, Any], meta: Mapping[str, Any], left: Mapping[str, Any]
) -> dict[str, Any]:
    """The result beyond what is named; which weights an adapter ranks how is as long as the rest together."""
    adapter = {
        name: value for name, value in (run.get("peft_config") or {}).items() if name != "rank_pattern"
    }
    rest = {name: value for name, value in run.items() if name not in ("peft_config", "created_at")}
    told = {
        "run_info": kept(rest),
        "peft_config": kept(adapter),
        "train_info": kept({name: value for name, value in train.items() if name != "metrics"}),
        "meta_info": kept({name: value for name, value in meta.items() if name != "pytorch_info"}),
        "not_named": kept(dict(left)),
    }
    return without_nothing(told)
