"""One run of MLflow as a record, whichever storage it came from. It reads no file.

Parameters are text there and numbers here; a metric is its last value, by step, time and value, as MLflow shows it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tunelore import record as records

from knowledgebase.experiences.importers import scores
from knowledgebase.experiences.importers.hugging_face import DEFAULTS, SETTINGS, base_model, is_hub_name
from knowledgebase.experiences.importers.items import Unreadable
from knowledgebase.experiences.importers.values import (
    CLIENT,
    fitted,
    from_milliseconds,
    hyperparameters,
    kept,
    last_part,
    number,
    text,
    thinned,
    whole,
    without_nothing,
    written_number,
)

VIA = "import:mlflow"
STATES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
MOST_POINTS = 800
# MLflow's databases hold no infinity and write the largest double instead.
LARGEST_DOUBLE = 1.7976931348623157e308
# Names of people, hosts and folders: never told. The commit is named elsewhere in the record.
UNTOLD_TAGS = ("mlflow.user", "mlflow.source.git.commit", "mlflow.runName")
PATH_TAGS = ("mlflow.source.name", "mlflow.project.entryPoint")


class Point(NamedTuple):
    """One logged value; ``moment`` in milliseconds since 1970."""

    step: int
    moment: int
    value: float


@dataclass(frozen=True)
class Run:
    """A run as MLflow knows it; times in milliseconds since 1970."""

    id: str
    status: str
    started: int | None
    ended: int | None
    name: str | None = None
    experiment: str | None = None
    deleted: bool = False
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Sequence[Mapping[str, Any]] = ()


def record_of(run: Run) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The record of a run, and what did not fit; Unreadable for one that was deleted or has values that cannot be."""
    _check(run)
    given = {name: written_number(value) for name, value in run.params.items()}
    settings, other = _settings(given)
    named, left = hyperparameters(settings)
    last = {name: max(points, key=_order).value for name, points in run.metrics.items() if points}
    metrics, rest = scores.by_split({name: _finite(value) for name, value in last.items()})
    ok = run.status == "FINISHED" and bool(metrics)
    seed = number(given.get("seed"))
    record = {
        "schema": "tunelore.experience/1",
        "id": records.import_id("mlflow", run.id),
        "started_at": from_milliseconds(run.started),
        "finished_at": from_milliseconds(run.ended),
        "task": _task(run),
        "system": None,
        **_language_model(given),
        "pipeline": {
            "method": text(given.get("method"), 64) or "unknown",
            "space": None,
            "hyperparameters": named,
        },
        "fidelity": _fidelity(run),
        "outcome": {"status": _status(run, ok)},
        "metrics": metrics,
        "primary": scores.primary(metrics) if ok else None,
        "curve": thinned(_curve(run), MOST_POINTS),
        "provenance": {
            "client": CLIENT,
            "via": VIA,
            "seed": int(seed) if seed is not None and float(seed).is_integer() else None,
            "code": text(run.tags.get("mlflow.source.git.commit"), 80),
        },
        "extra": {"mlflow": _extra(run, {**other, **left, **rest})},
    }
    return fitted(record)


def _check(run: Run) -> None:
    if run.deleted:
        raise Unreadable("was deleted in MLflow; restore it there to import it")
    if run.status not in STATES.values():
        raise Unreadable(f"unknown status {run.status[:40]}")


def unfinished(run: Run) -> str:
    """Why a run may yet become another one, empty where it has ended."""
    return f"is still {run.status} in MLflow" if run.status in ("RUNNING", "SCHEDULED") else ""


def times_in_order(started: int | None, ended: int | None) -> str | None:
    """What is wrong with two times, if anything."""
    if started is not None and ended is not None and ended < started:
        return f"end_time {ended} is before start_time {started}"
    return None


def _order(point: Point) -> tuple[int, int, float]:
    return point.step, point.moment, point.value


def _finite(value: float) -> float | None:
    found = number(value)
    return None if found is None or abs(found) >= LARGEST_DOUBLE else found


def _status(run: Run, ok: bool) -> str:
    return "ok" if ok else {"FAILED": "error", "KILLED": "killed"}.get(run.status, "unknown")


def _settings(given: Mapping[str, Any]) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    """Hyper-parameters, and of a Trainer's run (which logs hundreds) what is none of those that we know."""
    rest = {name: value for name, value in given.items() if name not in ("seed", "method")}
    if "per_device_train_batch_size" not in rest:
        return list(rest.items()), {}
    known = {SETTINGS.get(name, name): value for name, value in rest.items() if name in SETTINGS}
    known = {name: value for name, value in known.items() if DEFAULTS.get(name, ...) != value}
    paths = ("output_dir", "logging_dir", "_name_or_path", "run_name", "hub_token", "push_to_hub_token")
    return list(known.items()), {
        name: value for name, value in rest.items() if name not in SETTINGS and name not in paths
    }


def _language_model(given: Mapping[str, Any]) -> dict[str, Any]:
    """A Trainer logs its model's configuration; elsewhere nobody knows whether there was a language model."""
    name = given.get("_name_or_path")
    if isinstance(name, str) and (is_hub_name(name) or "model_type" in given):
        return {"language_model": base_model(given, {}, None)}
    return {}


def _task(run: Run) -> dict[str, Any]:
    training = _training(run)
    return {
        "kind": "unknown",
        "name": text(training.get("name"), 200),
        "dataset": _hub_dataset(training) or {"source": "unknown"},
    }


def _training(run: Run) -> Mapping[str, Any]:
    """The data set that the run was trained on: the only one, or the one that says so."""
    chosen = [one for one in run.datasets if one.get("context") in ("training", "train")]
    found = chosen or (list(run.datasets) if len(run.datasets) == 1 else [])
    return found[0] if len(found) == 1 else {}


def _hub_dataset(training: Mapping[str, Any]) -> dict[str, Any] | None:
    """Of the HF Hub where MLflow's source says so; a file's place on a disk is no name."""
    source = training.get("source")
    if training.get("source_type") != "hugging_face" or not isinstance(source, dict):
        return None
    name = text(source.get("path"), 200)
    if name is None or not (is_hub_name(name) or "/" not in name):
        return None
    parts = {"config": text(source.get("config_name"), 200), "revision": text(source.get("revision"), 200)}
    return {"source": "hub", "name": name, **parts}


def _fidelity(run: Run) -> dict[str, Any] | None:
    profile = _training(run).get("profile")
    rows = whole(profile.get("num_rows")) if isinstance(profile, dict) else None
    return None if rows is None else {"train_rows": rows}


def _curve(run: Run) -> list[dict[str, Any]]:
    """Values by step, where any was logged more than once."""
    if not any(len(points) > 1 for points in run.metrics.values()):
        return []
    values: dict[int, dict[str, Any]] = defaultdict(dict)
    moments: dict[int, int] = {}
    for name, points in sorted(run.metrics.items()):
        for point in sorted(points, key=_order):
            if point.step >= 0 and len(name) <= scores.MOST and len(values[point.step]) < 100:
                values[point.step][name] = _finite(point.value)
                moments[point.step] = max(moments.get(point.step, point.moment), point.moment)
    return [
        {"step": step, "epoch": None, "seconds": _since(run.started, moments[step]), "values": found}
        for step, found in sorted(values.items())
        if found
    ]


def _since(started: int | None, moment: int) -> float | None:
    return None if started is None or moment < started else (moment - started) / 1000


def _extra(run: Run, left: Mapping[str, Any]) -> dict[str, Any]:
    tags = {name: value for name, value in run.tags.items() if name not in UNTOLD_TAGS}
    tags |= {name: last_part(tags[name]) or "" for name in PATH_TAGS if name in tags}
    # Text that a number does not give back: 1e-05 and 0.00001 are one number.
    written = {name: value for name, value in run.params.items() if str(written_number(value)) != value}
    told = {
        "experiment": run.experiment,
        "run_name": run.name,
        "status": run.status,
        "tags": kept(dict(sorted(tags.items()))),
        "params_as_written": kept(dict(sorted(written.items()))),
        "datasets": kept([_told_dataset(one) for one in run.datasets]),
        "not_named": kept(dict(sorted(left.items()))),
    }
    return without_nothing(told)


def _told_dataset(one: Mapping[str, Any]) -> dict[str, Any]:
    source = one.get("source")
    if isinstance(source, dict):
        source = {
            key: last_part(value) if key in ("uri", "url", "path") else value for key, value in source.items()
        }
    return {**one, "source": source}
