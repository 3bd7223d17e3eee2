"""Which evidence speaks about a task, and from how far away.

Knows what counts as knowledge (through `Evidence`) and the distances of tasks; knows no space and no rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from automl.neighbours import Neighbour
from automl.priors.distances import by_distance, with_system
from automl.priors.options import PriorOptions
from automl.values import Evidence, Features, TaskView, is_finite


@dataclass(frozen=True)
class Selection:
    """The chosen successes and failures, each with its task's distance, and the tasks they come from."""

    positives: Sequence[tuple[Evidence, float]]
    negatives: Sequence[tuple[Evidence, float]]
    neighbours: Sequence[Neighbour]


def select(evidence: Iterable[Evidence], target: TaskView, options: PriorOptions) -> Selection:
    """What counts, nearest first, ties by id.

    A success that took longer than the target's limit is left out: it would have been a timeout there, though
    on a machine that may have been slower.
    """
    positives, negatives = sides(evidence, target, options)
    places = {_place(item, options): item for item in (*positives, *negatives)}
    features = _features_by_place((*positives, *negatives), options)
    own = with_system(target.metafeatures, target.system) if options.with_system else target.metafeatures
    ordered = by_distance(own, features, options)
    tasks: dict[str, Neighbour] = {}
    for neighbour in ordered:
        task = places[neighbour.task].task
        tasks.setdefault(task, Neighbour(task, neighbour.distance, neighbour.parts))
    kept = list(tasks.values())[: len(tasks) if options.neighbours is None else options.neighbours]
    allowed, far = {neighbour.task for neighbour in kept}, {place.task: place.distance for place in ordered}
    pick = [
        sorted(
            ((item, far[_place(item, options)]) for item in group if item.task in allowed),
            key=lambda pair: (pair[1], pair[0].task, pair[0].id),
        )
        for group in (positives, negatives)
    ]
    return Selection(pick[0][: options.k_positive], pick[1][: options.k_negative], kept)


def sides(
    evidence: Iterable[Evidence], target: TaskView, options: PriorOptions
) -> tuple[list[Evidence], list[Evidence]]:
    """What speaks for its pipeline and what speaks against it, each run once."""
    known = _once(evidence, twins=options.defects.count_twins_twice)
    return (
        [item for item in known if _speaks_for(item, target, options)],
        [item for item in known if _speaks_against(item, target, options)],
    )


def _once(evidence: Iterable[Evidence], *, twins: bool) -> list[Evidence]:
    """Each record once, by id; and each run once, when it was recorded under two ids."""
    by_id = {item.id: item for item in evidence}
    ordered = [by_id[key] for key in sorted(by_id)]
    if twins:
        return ordered
    runs: dict[tuple[object, ...], Evidence] = {}
    for item in ordered:
        run = (item.task, item.pipeline.key(), item.status, item.cause, item.score, item.seconds)
        runs.setdefault(run, item)
    return list(runs.values())


def _speaks_for(item: Evidence, target: TaskView, options: PriorOptions) -> bool:
    if not item.is_positive or (item.score or 0.0) < options.least_score:
        return False
    wall = target.limits.wall_s
    too_slow = wall is not None and is_finite(item.seconds) and item.seconds > wall
    return options.defects.every_failure_counts or not too_slow


def _speaks_against(item: Evidence, target: TaskView, options: PriorOptions) -> bool:
    if options.defects.every_failure_counts:
        return not item.is_positive
    return item.is_negative(target.limits)


def _place(item: Evidence, options: PriorOptions) -> str:
    """What has a distance of its own: a task, or a task on a machine where machines take part."""
    return f"{item.task} {sorted(item.system.items())}" if options.with_system else item.task


def _features_by_place(evidence: Iterable[Evidence], options: PriorOptions) -> dict[str, Features]:
    """The mean of what the runs of one place say about each feature; they differ when their rows were cut."""
    said: dict[str, dict[str, list[float]]] = {}
    for item in evidence:
        features = with_system(item.metafeatures, item.system) if options.with_system else item.metafeatures
        place = said.setdefault(_place(item, options), {})
        for name, value in features.items():
            if is_finite(value):
                place.setdefault(name, []).append(value)
    return {
        place: {name: sum(values) / len(values) for name, values in features.items()}
        for place, features in said.items()
    }
