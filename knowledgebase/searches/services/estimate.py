"""What a search will probably take, from recorded runs on the nearest tasks; or why that cannot be said.

It knows nothing of samplers: a trial of the estimate is a recorded run, drawn at random, its seconds and bytes
moved to these rows and texts by what is counted from first principles. Start from `estimate_search`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from knowledgebase.accounts.models import User
from knowledgebase.experiences.models import Experience, Task
from knowledgebase.experiences.selectors import FAILED, Target, describe_tasks, nearest_to
from knowledgebase.searches.bridge import Recorded, moved
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.services.launch import SearchRequest, searched_methods

NEAREST, LEAST_TASKS, LEAST_RUNS = 8, 3, 4
# Time follows the number of rows: runs on far fewer or far more say nothing about these.
ROWS_FACTOR = 3.0
# The newest of each task: the page asks again at every change of its form, and every run is counted twice.
RUNS_OF_A_TASK = 80
DRAWS = 400
LOW, HIGH = 10, 90
STARTS = 100
Rows = QuerySet[Experience, Any]
#: The columns of a recorded run that `Recorded` takes, in its order, before the statistics of the task.
RECORDED = (
    "method",
    "pipeline__hyperparameters",
    "language_model__key",
    "train_rows",
)


@dataclass(frozen=True)
class Run:
    """One recorded run on a task (digest, name): seconds of evaluation, bytes of memory, and how it ended."""

    task: str
    name: str
    method: str
    seconds: float
    memory_bytes: int | None
    is_ok: bool


@dataclass(frozen=True)
class Estimate:
    """Seconds, bytes, trials; `low` and `high` hold the middle 80 of 100 draws. Without `runs`, only `reason`."""

    reason: str = ""
    runs: int = 0
    tasks: tuple[str, ...] = ()
    middle_s: float = 0.0
    low_s: float = 0.0
    high_s: float = 0.0
    trials: int = 0
    fewest_trials: int = 0
    failed_share: float = 0.0
    memory_bytes: int | None = None
    over_memory: int = 0
    rows: tuple[int, int] = (0, 0)
    start_s: float | None = None
    methods_missing: tuple[str, ...] = field(default=())


def estimate_search(user: User, request: SearchRequest) -> Estimate:
    """Read what the user may see and draw the search from it; the same question gives the same answer."""
    dataset = request.dataset
    if dataset.state == Dataset.State.RESOLVING:
        return Estimate(reason="The rows are still being read; the estimate needs their number and nature.")
    if dataset.state != Dataset.State.READY or not dataset.metafeatures:
        return Estimate(reason="Nothing was measured on these rows, so no task is known to be near.")
    rows = _rows(request) or 0
    span = (int(rows / ROWS_FACTOR), int(rows * ROWS_FACTOR))
    methods = tuple(searched_methods(request))
    by_task = _by_task(recorded_runs(user, request, methods, span))
    if len(by_task) < LEAST_TASKS:
        return Estimate(reason=_too_little(by_task, span))
    start_s = start_time(user)
    return _summary(request, methods, by_task, span, start_s)


def recorded_runs(
    user: User, request: SearchRequest, methods: Sequence[str], span: tuple[int, int]
) -> list[Run]:
    """Runs of these methods and language models on the nearest tasks, trained on so many rows."""
    dataset = request.dataset
    near = [one.task for one in nearest_to(user, target_of_dataset(dataset), NEAREST)]
    # The same rows under their own name are the nearest of all.
    own = list(Task.objects.filter(digest=dataset.task_digest)) if dataset.task_digest else []
    describe_tasks(user, own)
    tasks = {task.pk: task for task in (*own, *near)}
    chosen = Q(method__in=methods)
    if request.language_models:
        chosen &= Q(language_model=None) | Q(language_model__key__in=request.language_models)
    found = (
        Experience.objects.visible_to(user)
        .filter(chosen, task__in=tasks, status__in=("ok", *FAILED))
        .filter(train_rows__range=span)
        .exclude(evaluation_s=None)
        .order_by("-change_seq")
        .values_list("task", "evaluation_s", "host_memory_bytes", "status", *RECORDED)
    )
    rows = list(newest_of_each_task(found))
    recorded = [Recorded(*(*row[-len(RECORDED) :], tasks[row[0]].metafeatures)) for row in rows]
    factors = moved(recorded, dataset.metafeatures, _rows(request))
    return [
        Run(
            task=tasks[task].digest,
            name=str(tasks[task]),
            method=run.method,
            seconds=(seconds or 0.0) * slower,
            memory_bytes=None if memory is None else round(memory * larger),
            is_ok=status == "ok",
        )
        for (task, seconds, memory, status, *_), run, (slower, larger) in zip(
            rows, recorded, factors, strict=True
        )
    ]


def target_of_dataset(dataset: Dataset) -> Target:
    """Rows of this hub as what to look around."""
    found = dataset.metafeatures
    return Target(dataset.kind, found["extractor"], found["version"], found["values"], dataset.task_digest)


def newest_of_each_task(found: Rows) -> Rows:
    """At most RUNS_OF_A_TASK of each, so that a task with very many leaves room for the others."""
    place = Window(RowNumber(), partition_by=F("task"), order_by=F("change_seq").desc())
    return found.alias(place=place).filter(place__lte=RUNS_OF_A_TASK)


def _rows(request: SearchRequest) -> int | None:
    return request.train_rows or request.dataset.train_rows


def start_time(user: User) -> float | None:
    """What a trial takes beside its evaluation (start of the process, imports), from the newest ones here."""
    ended = (
        Trial.objects.filter(search__in=Search.objects.visible_to(user), state=Trial.State.DONE)
        .exclude(Q(seconds=None) | Q(started_at=None) | Q(finished_at=None))
        .order_by("-pk")
        .annotate(took=F("finished_at") - F("started_at"))
        .values_list("took", "seconds")[:STARTS]
    )
    spent = [max(0.0, took.total_seconds() - seconds) for took, seconds in ended]
    return median(spent) if len(spent) >= LEAST_RUNS else None


def _by_task(runs: Sequence[Run]) -> dict[str, list[Run]]:
    tasks: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        tasks[run.task].append(run)
    return {task: found for task, found in tasks.items() if len(found) >= LEAST_RUNS}


def _too_little(by_task: dict[str, list[Run]], span: tuple[int, int]) -> str:
    runs, tasks = sum(map(len, by_task.values())), f"{len(by_task)} near task{'s' * (len(by_task) != 1)}"
    return (
        f"Too little is known: {runs} runs of these methods and language models on {tasks}, "
        f"trained on {span[0]:,} to {span[1]:,} rows. {LEAST_TASKS} tasks with {LEAST_RUNS} runs each are needed."
    )


def _summary(
    request: SearchRequest,
    methods: Sequence[str],
    by_task: dict[str, list[Run]],
    span: tuple[int, int],
    start_s: float | None,
) -> Estimate:
    drawn = [_draw(found, request, start_s or 0.0, seed) for seed, found in enumerate(by_task.values())]
    totals = np.concatenate([totals for totals, _, _ in drawn])
    counts = np.concatenate([counts for _, counts, _ in drawn])
    runs = [run for found in by_task.values() for run in found]
    memory = [run.memory_bytes for run in runs if run.memory_bytes]
    limit = request.host_memory_bytes
    low, middle, high = (float(value) for value in np.percentile(totals, (LOW, 50, HIGH)))
    return Estimate(
        runs=len(runs),
        tasks=tuple(found[0].name for found in by_task.values()),
        middle_s=middle,
        low_s=low,
        high_s=high,
        trials=int(np.median(counts)),
        fewest_trials=int(np.percentile(counts, LOW)),
        failed_share=float(np.mean([share for _, _, share in drawn])),
        memory_bytes=int(np.percentile(memory, HIGH)) if memory else None,
        over_memory=sum(1 for one in memory if limit is not None and one > limit),
        rows=span,
        start_s=start_s,
        methods_missing=tuple(name for name in methods if name not in {run.method for run in runs}),
    )


def _draw(
    runs: Sequence[Run], request: SearchRequest, start_s: float, seed: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Total seconds and finished trials of each draw, and the share of failures, as if on this one task.

    Methods are drawn equally often: which of them a prior will prefer is not known here.
    """
    counts = {method: sum(run.method == method for run in runs) for method in {run.method for run in runs}}
    weights = np.array([1 / (len(counts) * counts[run.method]) for run in runs])
    wall = request.wall_s if request.wall_s is not None else np.inf
    seconds = np.minimum([run.seconds for run in runs], wall) + start_s
    failed = np.array([not run.is_ok or run.seconds > wall for run in runs])
    rng = np.random.default_rng(seed)
    picked = rng.choice(len(runs), size=(DRAWS, request.budget_trials), p=weights)
    ends = np.cumsum(seconds[picked], axis=1) / request.slots
    budget = request.budget_seconds if request.budget_seconds is not None else np.inf
    totals = np.minimum(np.maximum(ends[:, -1], seconds[picked].max(axis=1)), budget)
    return totals, (ends <= budget).sum(axis=1), float(weights[failed].sum())
