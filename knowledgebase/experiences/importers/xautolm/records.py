"""One evaluation of the experience store as a record. It reads no file and stores nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from knowledgebase.experiences.importers.items import Unreadable
from knowledgebase.experiences.importers.scores import canonical_name
from knowledgebase.experiences.importers.values import (
    CLIENT,
    LARGEST,
    at_least_zero,
    fitted,
    infinite,
    number,
    whole,
)
from knowledgebase.experiences.importers.xautolm.documents import TIMES, Document
from knowledgebase.experiences.importers.xautolm.names import EXTRACTORS, GIB, language_model
from knowledgebase.experiences.importers.xautolm.pipelines import Pipeline, pipeline

VIA = "import:xautolm"
# What an evaluation's own process says when it is ended, and what running out of memory leaves as text: of CUDA, of
# Python, and of numpy, whose error carries the shape and the type of the array that did not fit.
TIMEOUT = "Exceeded allowed time for execution"
DEVICE_MEMORY = re.compile(r"CUDA (?:error: )?out of memory|OutOfMemoryError", re.IGNORECASE)
HOST_MEMORY = re.compile(
    r"Unable to allocate|not enough memory|can't allocate memory|cannot allocate memory|MemoryError"
    r"|\(\(\d+(?:, \d+)*,?\), dtype\('[^']+'\)\)",
    re.IGNORECASE,
)
# The score of SQuAD stands on 0-100 there, every other F1 on 0-1; exact_match is measured with the former only.
OF_HUNDRED = "exact_match"


def record_of(group: Sequence[Document]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The record of the files of one evaluation, and what did not fit; Unreadable where a part has another shape."""
    first = group[0]
    content = first.content
    steps = pipeline(content.get("algorithms"))
    failed = first.failed
    values = {name: value for name, value in first.values.items() if name not in TIMES}
    metrics = {canonical_name(name): number(value) for name, value in values.items() if value is not None}
    if not all(len(name) <= 200 for name in metrics) or len(metrics) > 200:
        raise Unreadable("a metric's name has over 200 characters, or there are over 200 metrics")
    kind, extra = _kind(content), _extra(group)
    record = {
        "schema": "tunelore.experience/1",
        "id": first.id,
        # The store writes the local time of a machine whose zone it does not say.
        "started_at": None,
        "finished_at": None,
        "task": {
            "kind": kind,
            "name": first.alias if 0 < len(first.alias) <= 200 else None,
            "dataset": {"source": "unknown"},
            **_metafeatures(content),
        },
        "system": _system(content),
        **_language_model(steps),
        "pipeline": {"method": steps.method, "space": None, "hyperparameters": steps.hyperparameters},
        "outcome": _outcome(first) if failed else {"status": "ok"},
        "metrics": {} if failed or not metrics else {"validation": metrics},
        "primary": None if failed else _primary(metrics, kind),
        "cost": None if failed else _cost(first),
        "provenance": {"client": CLIENT, "via": VIA},
        "extra": {"xautolm": extra},
    }
    record, notes = fitted(record)
    if steps.left:
        notes = (
            *notes,
            f"{steps.left} hyper-parameters do not fit a record and stay in the source's own text",
        )
    return record, notes


def _kind(content: Mapping[str, Any]) -> str:
    return EXTRACTORS.get(str(content.get("dataset_feature_extractor_name")), ("unknown", ()))[0]


def _extra(group: Sequence[Document]) -> dict[str, Any]:
    first = group[0]
    told = {"alias": first.alias, "timestamp": first.timestamp, "error": first.error}
    files = [{"path": one.path, "text": one.text} for one in group]
    return {**{key: value for key, value in told.items() if value}, "files": files}


def _metafeatures(content: Mapping[str, Any]) -> dict[str, Any]:
    """The named features; of a list of another length nobody knows the names, and it stays in the text."""
    name = content.get("dataset_feature_extractor_name")
    names = EXTRACTORS.get(str(name), ("", ()))[1]
    features = content.get("task_features")
    new = isinstance(features, dict)
    meta = features.get("meta") if isinstance(features, dict) else content.get("dataset_features")
    if not isinstance(meta, list) or len(meta) != len(names) or not all(map(_is_number, meta)):
        return {}
    found: dict[str, Any] = {
        "extractor": f"xautolm.{name}",
        "version": 2 if new else 1,
        "values": {key: number(value) for key, value in zip(names, meta, strict=True)},
    }
    semantic = features.get("semantic") if isinstance(features, dict) else None
    if (
        isinstance(semantic, list)
        and 0 < len(semantic) <= 4096
        and all(number(one) is not None for one in semantic)
    ):
        found["semantic"] = semantic
    return {"metafeatures": found}


def _is_number(value: object) -> bool:
    return number(value) is not None or infinite(value)


def _system(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Cores, clock and memory; a zero means not known there, and memory of a device never was."""
    given = content.get("system_features")
    if (
        not isinstance(given, list)
        or len(given) != 5
        or not all(at_least_zero(one) is not None for one in given)
    ):
        return None
    physical, logical, clock, memory, _ = given
    size = memory * GIB
    features = {
        "cpu_cores_physical": whole(physical) or None,
        "cpu_cores_logical": whole(logical) or None,
        "cpu_ghz": clock or None,
        "memory_bytes": (whole(round(size)) or None) if size <= LARGEST else None,
    }
    known = {key: value for key, value in features.items() if value is not None}
    return {"features": known} if known else None


def _language_model(steps: Pipeline) -> dict[str, Any]:
    """Of a classic pipeline it is known that there is none."""
    return {"language_model": None if steps.model_class is None else language_model(steps.model_class)}


def _outcome(first: Document) -> dict[str, Any]:
    error = first.error or ""
    if error.startswith(TIMEOUT):
        return {"status": "timeout"}
    if DEVICE_MEMORY.search(error):
        return {"status": "oom", "cause": "device"}
    if HOST_MEMORY.search(error):
        return {"status": "oom", "cause": "host"}
    return {"status": "error", "cause": None}


def _primary(metrics: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    if OF_HUNDRED in metrics:
        return None
    # Its classification objective is the macro-averaged F1, written f1; accuracy is observed beside it.
    for name in ("f1_macro", "f1", "accuracy", "Accuracy"):
        value = metrics.get(name)
        if value is not None and 0 <= value <= 1:
            return {"split": "validation", "metric": name, "value": value}
    return None


def _cost(first: Document) -> dict[str, Any] | None:
    """Seconds as ours are counted, from the start of training to the end of validation; 0 stands for not measured."""
    names = zip(("evaluation_s", "train_s", "predict_s"), TIMES, strict=True)
    known = {ours: at_least_zero(first.values.get(theirs)) for ours, theirs in names}
    return {key: value for key, value in known.items() if value} or None
