"""MLflow's file store: one run is a folder with meta.yaml, params, metrics and tags. It reads, and names no value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from knowledgebase.experiences.importers.items import Found, Item, Refused, Source, Unreadable
from knowledgebase.experiences.importers.mlflow.runs import (
    STATES,
    Point,
    Run,
    record_of,
    times_in_order,
    unfinished,
)
from knowledgebase.experiences.importers.texts import read_bytes, yaml_value

META = "meta.yaml"
MAX_VALUE_BYTES = 1024 * 1024
MAX_FILES = 5_000
MAX_POINTS = 1_000_000


def read(source: Source) -> Item:
    """The run of one meta.yaml."""
    [path] = source.paths
    place = path.name if path.name != META else path.parent.name
    try:
        run = _run(path)
        record, notes = record_of(run)
    except Unreadable as error:
        return Refused(place, str(error))
    return Found(place, record, notes=notes, unfinished=unfinished(run))


def _run(path: Path) -> Run:
    meta = _mapping(path)
    key = meta.get("run_id") or meta.get("run_uuid")
    if not isinstance(key, str) or not re.fullmatch(r"[\w-]{1,64}", key):
        raise Unreadable(f"run_id must be a run's id, not {str(key)[:60]!r}")
    status, started, ended = _status(meta), _moment(meta, "start_time"), _moment(meta, "end_time")
    disorder = times_in_order(started, ended)
    if not status or disorder:
        wrong = [] if status else [f"unknown status {str(meta.get('status'))[:40]}"]
        raise Unreadable("; ".join(filter(None, [*wrong, disorder])))
    folder = path.parent if path.name == META else None
    return Run(
        id=key,
        status=status,
        started=started,
        ended=ended,
        name=_text(meta.get("run_name")),
        experiment=_experiment(folder),
        deleted=meta.get("lifecycle_stage") == "deleted",
        params=_values(folder, "params"),
        metrics=dict(_metrics(folder)),
        tags=_values(folder, "tags"),
        datasets=list(_datasets(folder)),
    )


def _mapping(path: Path) -> Mapping[str, Any]:
    value = yaml_value(read_bytes(path, MAX_VALUE_BYTES))
    if not isinstance(value, dict):
        raise Unreadable(f"{path.name} must hold names and values")
    return value


def _status(meta: Mapping[str, Any]) -> str | None:
    status = meta.get("status")
    return (
        STATES.get(status) if isinstance(status, int) else str(status) if status in STATES.values() else None
    )


def _moment(meta: Mapping[str, Any], name: str) -> int | None:
    value = meta.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Unreadable(f"{name} must be milliseconds since 1970, not {str(value)[:60]!r}")
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _experiment(folder: Path | None) -> str | None:
    """The name in the folder above, where there is one."""
    meta = folder.parent / META if folder else None
    if meta is None or not meta.exists() or meta.is_symlink():
        return None
    try:
        return _text(_mapping(meta).get("name"))
    except Unreadable:
        return None


def _entries(folder: Path | None, name: str) -> Iterator[tuple[str, Path]]:
    """The files of params, metrics or tags; a name with slashes lies in folders."""
    top = folder / name if folder else None
    if top is None or not top.is_dir() or top.is_symlink():
        return
    for count, path in enumerate(sorted(top.rglob("*")), start=1):
        if count > MAX_FILES:
            raise Unreadable(f"{name} holds over {MAX_FILES:,} files")
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(top).as_posix(), path


def _values(folder: Path | None, name: str) -> dict[str, str]:
    return {key: _decoded(path) for key, path in _entries(folder, name)}


def _decoded(path: Path) -> str:
    try:
        return read_bytes(path, MAX_VALUE_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path.parent.name}/{path.name} is not UTF-8 (offset {error.start})") from error


def _metrics(folder: Path | None) -> Iterator[tuple[str, list[Point]]]:
    total = 0
    for name, path in _entries(folder, "metrics"):
        lines = read_bytes(path).decode("utf-8", "replace").splitlines()
        points = [_point(line, name) for line in lines if line.strip()]
        total += len(points)
        if total > MAX_POINTS:
            raise Unreadable(f"metrics hold over {MAX_POINTS:,} values")
        yield name, points


def _point(line: str, name: str) -> Point:
    """Moment, value, step, and since MLflow 3 perhaps the id of a model."""
    parts = line.split(" ")
    try:
        return Point(int(parts[2]) if len(parts) > 2 else 0, int(parts[0]), float(parts[1]))
    except (ValueError, IndexError) as error:
        raise Unreadable(f"metrics/{name[:60]}: {line[:60]!r} is not moment, value and step") from error


def _datasets(folder: Path | None) -> Iterator[Mapping[str, Any]]:
    inputs = folder / "inputs" if folder else None
    if folder is None or inputs is None or not inputs.is_dir():
        return
    for path in sorted(inputs.glob(f"*/{META}")):
        given = _mapping(path)
        key, tags = str(given.get("source_id")), given.get("tags")
        meta = folder.parent / "datasets" / key / META
        if re.fullmatch(r"[\w-]{1,64}", key) and meta.exists() and not meta.is_symlink():
            context = tags.get("mlflow.data.context") if isinstance(tags, dict) else None
            yield dataset({**_mapping(meta), "context": context})


def dataset(told: Mapping[str, Any]) -> dict[str, Any]:
    """A data set as both storages tell it; source and profile are JSON in text."""
    found = {key: _text(told.get(key)) for key in ("name", "digest", "source_type", "context")}
    return {**found, **{key: unpacked(told.get(key)) for key in ("source", "profile")}}


def unpacked(value: Any) -> Any:
    """The JSON in a text, None for none."""
    try:
        return json.loads(value) if isinstance(value, str) and len(value) < MAX_VALUE_BYTES else None
    except (ValueError, RecursionError):
        return None
