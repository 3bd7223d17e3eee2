"""What a prior keeps of the store besides its model: runs of the nearest tasks, for samplers that read them.

Knows evidence and distances; knows no sampler. Bounded, and JSON data: a search can be rebuilt from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from automl.neighbours import DEFAULT_SCALES, Neighbour, nearest
from automl.values import Evidence, Features, Limits, Pipeline, TaskView, is_own_failure

#: At most so many runs are kept, of at most so many tasks, nearest first.
REMEMBERED_RUNS, REMEMBERED_TASKS = 1500, 10
#: What is known of each language model: "parameters", "hidden_size", "layers".
Facts = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Memory:
    """The target, its nearest tasks (nearest first), runs of theirs in that order, and facts."""

    target: TaskView
    tasks: Sequence[Neighbour] = ()
    runs: Sequence[Evidence] = ()
    facts: Facts = field(default_factory=dict)

    def of_task(self, task: str) -> list[Evidence]:
        """The runs of one task."""
        return [run for run in self.runs if run.task == task]

    def digest(self) -> str:
        """Text that differs when anything in it does."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_dict(self) -> dict[str, object]:
        """As JSON data; what all runs of a place share is written once."""
        places: dict[str, int] = {}
        shared: list[dict[str, object]] = []
        rows = []
        for run in self.runs:
            place = _place(run)
            text = json.dumps(place, sort_keys=True)
            if text not in places:
                places[text] = len(shared)
                shared.append(place)
            rows.append(_row(run, places[text]))
        return {
            "target": _view(self.target),
            "tasks": [[one.task, one.distance, dict(one.parts)] for one in self.tasks],
            "places": shared,
            "rows": rows,
            "facts": {key: dict(values) for key, values in self.facts.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Memory:
        """The inverse; KeyError, TypeError or ValueError for data of another shape."""
        target = data["target"]
        return cls(
            target=replace(TaskView(**target), limits=Limits(**target["limits"])),
            tasks=[Neighbour(task, float(far), parts) for task, far, parts in data["tasks"]],
            runs=[_evidence(row, data["places"]) for row in data["rows"]],
            facts=data["facts"],
        )


def remember(
    evidence: Iterable[Evidence],
    target: TaskView,
    facts: Facts | None = None,
    *,
    runs: int = REMEMBERED_RUNS,
    scales: Sequence[str] = DEFAULT_SCALES,
    metric: str = "euclidean",
) -> Memory:
    """The nearest tasks' runs that say something, evenly chosen by id where there are too many.

    Earlier runs of the target task itself are the nearest there are; one run counts once.
    """
    groups = _by_task(evidence)
    features: dict[str, Features] = {task: group[0].metafeatures for task, group in groups.items()}
    near = nearest(target.metafeatures, features, REMEMBERED_TASKS, scales=scales, metric=metric)
    each = runs // len(near) if near else 0
    kept = [run for one in near for run in _evenly(groups[one.task], each)]
    return Memory(target, near if kept else [], kept, dict(facts or {}))


def _by_task(evidence: Iterable[Evidence]) -> dict[str, list[Evidence]]:
    by_id = {item.id: item for item in evidence if _says_something(item)}
    runs: dict[tuple[object, ...], Evidence] = {}
    for key in sorted(by_id):
        item = by_id[key]
        runs.setdefault((item.task, item.pipeline.key(), item.status, item.score, item.seconds), item)
    groups: dict[str, list[Evidence]] = {}
    for item in runs.values():
        groups.setdefault(item.task, []).append(item)
    return groups


def _says_something(item: Evidence) -> bool:
    return item.is_positive or is_own_failure(item.status, item.cause)


def _evenly(group: Sequence[Evidence], most: int) -> list[Evidence]:
    if len(group) <= most:
        return list(group)
    return [group[place * len(group) // most] for place in range(most)]


def _place(run: Evidence) -> dict[str, object]:
    view = TaskView(run.task, run.metafeatures, run.system, run.limits, run.train_rows)
    return {**_view(view), "method": run.pipeline.method, "names": list(run.pipeline.hyperparameters)}


def _view(view: TaskView) -> dict[str, object]:
    limits = view.limits
    return {
        "task": view.task,
        "metafeatures": dict(view.metafeatures),
        "system": dict(view.system),
        "limits": {
            "wall_s": limits.wall_s,
            "host_memory_bytes": limits.host_memory_bytes,
            "device_memory_bytes": limits.device_memory_bytes,
        },
        "train_rows": view.train_rows,
    }


def _row(run: Evidence, place: int) -> list[object]:
    pipeline = run.pipeline
    values = [*pipeline.hyperparameters.values()]
    said = [run.status, run.cause, run.score, run.seconds, run.memory_bytes]
    return [run.id, place, pipeline.language_model, values, *said]


def _evidence(row: Sequence[Any], places: Sequence[Mapping[str, Any]]) -> Evidence:
    key, at, language_model, values, status, cause, score, seconds, memory = row
    place = places[at]
    return Evidence(
        id=key,
        task=place["task"],
        metafeatures=place["metafeatures"],
        pipeline=Pipeline(place["method"], dict(zip(place["names"], values, strict=True)), language_model),
        status=status,
        cause=cause,
        score=score,
        seconds=seconds,
        memory_bytes=memory,
        limits=Limits(**place["limits"]),
        system=place["system"],
        train_rows=place["train_rows"],
    )
