"""A model card: its front matter, its first result, and the hyper-parameters that the Trainer writes below.

It reads text, no file, and makes no record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from knowledgebase.experiences.importers.items import Unreadable
from knowledgebase.experiences.importers.texts import yaml_value
from knowledgebase.experiences.importers.values import hub_name, text, written_number

MAX_CARD_BYTES = 1024 * 1024
# What the Trainer writes where rows came through a loader: no data set has that name.
LOADERS = (
    "audiofolder", "arrow", "csv", "custom", "generator", "imagefolder", "json", "none", "pandas", "parquet", "text",
    "unknown", "videofolder", "webdataset",
)  # fmt: skip
_FRONT = re.compile(rb"\A(?:\xef\xbb\xbf)?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_SETTING = re.compile(r"^- ([a-z_]{1,60}): (.{1,300})$", re.MULTILINE)
_HEADING = "### Training hyperparameters"


@dataclass(frozen=True)
class Card:
    """What a card says. metrics: (split or None, name, value) of the first result; more: results beyond it."""

    front: Mapping[str, Any] = field(default_factory=dict)
    task: str | None = None
    dataset: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[tuple[str | None, str, Any], ...] = ()
    more: tuple[Any, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


def card(data: bytes) -> Card:
    """The card of a README.md; Unreadable where its front matter is no YAML or of another shape."""
    if len(data) > MAX_CARD_BYTES:
        raise Unreadable(f"has {len(data):,} bytes, at most {MAX_CARD_BYTES:,} of a card are read")
    match = _FRONT.match(data)
    front = yaml_value(match[1]) if match else {}
    if front is None:
        front = {}
    if not isinstance(front, dict):
        raise Unreadable("the front matter must hold names and values")
    body = data[match.end() if match else 0 :].decode("utf-8", "replace")
    results = _results(front.get("model-index"))
    first = results[0] if results else {}
    dataset = first.get("dataset")
    return Card(
        front={str(key): value for key, value in front.items() if key != "model-index"},
        task=_task(first, front),
        dataset=dataset if isinstance(dataset, dict) else {},
        metrics=tuple(_metrics(first, dataset)),
        more=tuple(_without_tokens(result) for result in results[1:]),
        settings=_settings(body),
    )


def _results(index: Any) -> list[dict[str, Any]]:
    if index is None:
        return []
    models = index if isinstance(index, list) else [index]
    if not all(isinstance(model, dict) for model in models):
        raise Unreadable("model-index must be a list of objects")
    found = [one for model in models for one in (model.get("results") or [])]
    if not all(isinstance(one, dict) for one in found):
        raise Unreadable("model-index: results must be a list of objects")
    return found


def _task(first: Mapping[str, Any], front: Mapping[str, Any]) -> str | None:
    task = first.get("task")
    named = task.get("type") if isinstance(task, dict) else None
    return text(named, 64) or text(front.get("pipeline_tag"), 64)


def _metrics(first: Mapping[str, Any], dataset: Any) -> list[tuple[str | None, str, Any]]:
    """Results carry their split in the data set, or as the first word of their name."""
    stated = text(dataset.get("split"), 64) if isinstance(dataset, dict) else None
    found: list[tuple[str | None, str, Any]] = []
    for metric in first.get("metrics") or []:
        if not isinstance(metric, dict):
            raise Unreadable(f"model-index: a metric must be an object, not {str(metric)[:60]}")
        word, _, rest = str(metric.get("name") or "").partition(" ")
        split = word.lower() if rest and word.lower() in ("validation", "test", "train", "eval") else stated
        found.append((split, str(metric.get("type") or metric.get("name") or ""), metric.get("value")))
    return found


def _without_tokens(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result without the signatures under it, which are longer than it is."""
    metrics = result.get("metrics")
    if not isinstance(metrics, list):
        return dict(result)
    plain = [
        {key: value for key, value in one.items() if key != "verifyToken"} if isinstance(one, dict) else one
        for one in metrics
    ]
    return {**result, "metrics": plain}


def _settings(body: str) -> dict[str, Any]:
    """The list that the Trainer writes under its heading."""
    _, heading, rest = body.partition(_HEADING)
    if not heading:
        return {}
    section = rest.split("\n#", 1)[0]
    return {name: written_number(value.strip()) for name, value in _SETTING.findall(section)}


def dataset(one: Card) -> dict[str, Any]:
    """``task.dataset`` of a record: the data set's id on the HF Hub where the card names one."""
    listed = one.front.get("datasets")
    names = listed if isinstance(listed, list) else [listed]
    only = names[0] if len(names) == 1 and not one.dataset else None
    for named in (one.dataset.get("type"), only):
        name = hub_name(named)
        if name is None or name.lower() in LOADERS:
            continue
        parts = {key: text(one.dataset.get(key), 200) for key in ("config", "revision")}
        return {"source": "hub", "name": name, **parts}
    return {"source": "unknown"}


def languages(one: Card) -> list[str]:
    """The languages that the card names."""
    given = one.front.get("language")
    found = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return [name for name in found if isinstance(name, str) and 0 < len(name) <= 35][:64]
