"""Records as files of the experience store: those that came from it as they were, others in its new schema.

It writes no file. What the schema has no place for is named, so that whoever exports can be told.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from knowledgebase.experiences.importers.items import Unreadable
from knowledgebase.experiences.importers.texts import json_value
from knowledgebase.experiences.importers.xautolm.documents import Document, document
from knowledgebase.experiences.importers.xautolm.names import (
    CLASSIFICATION,
    GENERATION,
    GIB,
    METHODS,
    class_of,
)

ENCODER_CLASSES = {"full": "FineTune", "partial": "PartialFineTune", "lora": "Lora"}
EXTRACTOR_OF = {
    "text-classification": ("TextClassificationFeatureExtractor", CLASSIFICATION),
    "question-answering": ("GenerativeTaskFeatureExtractor", GENERATION),
    "text-generation": ("GenerativeTaskFeatureExtractor", GENERATION),
}
ANNOTATIONS = {
    "WORD_EMB_": "Algorithm[[Word],Tensor[1, Continuous, None]]",
    "TEXT_GEN_": "Algorithm[[Prompt],GeneratedText]",
}
# What a record may say and this schema has no place for.
NO_PLACE = (
    "curve", "fidelity", "limits", "conditions", "finished_at", "provenance", "extra", "task.dataset",
    "task.languages", "task.domain", "system.software", "language_model.revision", "language_model.variant",
    "language_model.features", "pipeline.space", "outcome.phase", "outcome.stack", "outcome.step",
)  # fmt: skip
LONGEST_NAME = 240  # bytes; file systems take 255, and a file is written under a longer name first
_FILE = re.compile(r"(?:[^/\\\0]{1,200}/)?(?:\d{4}-\d{2}-\d{2}/)?[^/\\\0]{1,200}\.json")


@dataclass(frozen=True)
class Written:
    """A file to write: its path below the store's root, which is safe to join, and its text."""

    path: str
    text: str


def documents(record: Mapping[str, Any]) -> tuple[list[Written], list[str]]:
    """The files of a record, and the names of its parts that they do not hold; none for what came from this format.

    No file for a record that would mean something else there, with the reason.
    """
    own = list(_own(record))
    if own:
        return own, []
    status = record["outcome"]["status"]
    if status in ("killed", "pruned", "unknown"):
        return [], [f"whole record: {status} would read as a failure of the pipeline there"]
    if status == "ok" and not record.get("primary"):
        return [], ["whole record: ok without a score would read as a failure there"]
    content = _content(record)
    folder = _folder(str(content["alias"]))
    day, _, moment = str(content["timestamp"] or "0000-00-00 00:00:00").partition(" ")
    path = f"{folder}/{day}/{moment}-{record['id']}.json"
    return [Written(path, json.dumps(content, indent=4))], sorted(_dropped(record))


def _own(record: Mapping[str, Any]) -> Iterator[Written]:
    """The files that the record was read from.

    Anybody may send a record that says it came from here: only a text that gives its id is written, and twins of it.
    """
    extra = record.get("extra")
    told = extra.get("xautolm") if isinstance(extra, dict) else None
    files = told.get("files") if isinstance(told, dict) else None
    first: Document | None = None
    for file in files if isinstance(files, list) else []:
        one = _document(file)
        if one is None or (one.id != record["id"] and not (first and _are_twins(first, one))):
            return
        first = first or one
        yield Written(_safe(one.path, one.text), one.text)


def _document(file: Any) -> Document | None:
    path, text = (file.get("path"), file.get("text")) if isinstance(file, dict) else (None, None)
    if not isinstance(path, str) or not isinstance(text, str):
        return None
    try:
        return document(path, text, json_value(text.encode("utf-8", "surrogatepass")))
    except Unreadable:
        return None


def _are_twins(first: Document, other: Document) -> bool:
    """One failure told twice; the second of the telling may differ, and the id with it."""
    return first.failed and other.failed and first.key == other.key


def _safe(path: str, text: str) -> str:
    """The path as it was told where it can stay below a root on any disk, else a name of our own."""
    parts = path.split("/")
    fits = all(part.strip(". ") and len(part.encode()) <= LONGEST_NAME for part in parts)
    return path if fits and _FILE.fullmatch(path) else unnamed(text)


def unnamed(text: str) -> str:
    """A path for a text whose own cannot be used."""
    return f"unnamed/{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:32]}.json"


def _folder(alias: str) -> str:
    name = re.sub(r"[/\\\0-\x1f]", "_", alias).encode()[:LONGEST_NAME].decode("utf-8", "ignore")
    return name if name.strip(". ") else "tunelore"


def _content(record: Mapping[str, Any]) -> dict[str, Any]:
    task, outcome, cost = record["task"], record["outcome"], record.get("cost") or {}
    extractor, meta = _features(task)
    failed = outcome["status"] != "ok"
    score = (record.get("primary") or {}).get("value")
    metrics = [
        {"name": "f1", "maximize": True, "value": -math.inf if failed else score},
        {
            "name": "evaluation_time",
            "maximize": False,
            "value": math.inf if failed else cost.get("evaluation_s"),
        },
    ]
    for ours, theirs in (("train_s", "time_train_mean_seconds"), ("predict_s", "time_valid_mean_seconds")):
        if cost.get(ours) is not None and not failed:
            metrics.append({"name": theirs, "maximize": False, "value": cost[ours]})
    for name, value in (record.get("metrics") or {}).get("validation", {}).items():
        if name != "f1" and not failed:
            metrics.append({"name": name, "maximize": True, "value": value})
    return {
        "algorithms": [_algorithm(record)],
        "task_features": {
            "meta": meta,
            "semantic": (task.get("metafeatures") or {}).get("semantic"),
        },
        "system_features": _system(record.get("system") or {}),
        "dataset_feature_extractor_name": extractor,
        "system_feature_extractor_name": "SystemFeatureExtractor",
        "timestamp": str(record.get("started_at") or "").replace("T", " ")[:19] or None,
        "alias": task.get("name") or "tunelore",
        "cross_val_steps": None,
        "metrics": metrics,
        "error": " ".join(filter(None, (outcome["status"], outcome.get("cause"), outcome.get("exception"))))
        if failed
        else None,
    }


def _features(task: Mapping[str, Any]) -> tuple[str | None, list[Any] | None]:
    """Extractor and its list, which has no names there: only where every place of it is known."""
    extractor, names = EXTRACTOR_OF.get(task["kind"], (None, ()))
    given = (task.get("metafeatures") or {}).get("values") or {}
    if not names or any(name not in given for name in names):
        return None, None
    return extractor, [given[name] for name in names]


def _algorithm(record: Mapping[str, Any]) -> dict[str, Any]:
    """The class of that system where it has one for this method and language model, else the method's own name."""
    pipeline, language_model = record["pipeline"], record.get("language_model") or {}
    parameters = {name: {"value": value} for name, value in pipeline["hyperparameters"].items()}
    model = class_of(language_model.get("name"))
    method = pipeline["method"]
    if model is None or method not in ENCODER_CLASSES:
        if language_model:
            parameters = {"language_model": {"value": language_model.get("name")}, **parameters}
        return {method: parameters}
    prefix = model[:9]
    end = "LLMEmbeddingClassifier" if prefix == "WORD_EMB_" else "GenLLMClassifier"
    if record["task"]["kind"] != "text-classification" and prefix == "TEXT_GEN_":
        end = "GenLLMTask"
    name = ENCODER_CLASSES[method] + end
    assert METHODS[name] == method
    inner = {"annotation": ANNOTATIONS[prefix], "value": {model: {}}}
    return {name: {"inner_model": inner, **parameters}}


def _system(system: Mapping[str, Any]) -> list[float]:
    features = system.get("features") or {}
    memory = (features.get("memory_bytes") or 0) / GIB
    names = ("cpu_cores_physical", "cpu_cores_logical", "cpu_ghz")
    return [*(float(features.get(name) or 0) for name in names), memory, 0.0]


def _dropped(record: Mapping[str, Any]) -> Iterator[str]:
    for path in NO_PLACE:
        value: Any = record
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value not in (None, {}, [], ""):
            yield path
    metrics = record.get("metrics") or {}
    failed = record["outcome"]["status"] != "ok"
    yield from (f"metrics.{split}" for split in metrics if split != "validation" or failed)
    yield from (
        f"cost.{name}"
        for name, value in (record.get("cost") or {}).items()
        if value is not None and (failed or name not in ("evaluation_s", "train_s", "predict_s"))
    )
    if (record["task"].get("metafeatures") or {}).get("values") and _features(record["task"])[1] is None:
        yield "task.metafeatures"
    if record.get("primary") and record["primary"]["metric"] not in ("f1", "f1_macro"):
        yield "primary.metric"
