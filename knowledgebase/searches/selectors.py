"""Reads of datasets, searches and trials for API and pages.

It writes nothing and knows nothing of how pipelines are proposed; start from search_list and search_report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from knowledgebase.accounts.models import User
from knowledgebase.experiences.models import Experience, Task
from knowledgebase.experiences.selectors import FAILED, experience_list, nearest_tasks
from knowledgebase.searches.models import Dataset, Search, Trial

ESTIMATE_TASKS, ESTIMATE_RUNS, ESTIMATE_ROWS = 5, 8, 5_000


@dataclass(frozen=True)
class FrontPoint:
    """One trial that no other beats in score and seconds at once. Score in [0, 1], higher is better."""

    trial: int
    trial_id: UUID
    score: float
    seconds: float
    method: str
    language_model: str
    hyperparameters: dict[str, object]


@dataclass(frozen=True)
class RunningTrial:
    """A trial in training: where it is, and what it has used."""

    trial: int
    trial_id: UUID
    method: str
    language_model: str
    started_at: datetime
    phase: str
    step: int | None
    epoch: float | None
    seconds: float
    memory_bytes: int | None
    best: float | None


@dataclass(frozen=True)
class NeighbourTask:
    """A known task near this one. distance >= 0, no unit; parts says which feature made how much of it."""

    task: str
    name: str
    distance: float
    parts: dict[str, float]


@dataclass(frozen=True)
class Shift:
    """How likely the prior makes one choice, beside the uniform share. Both in [0, 1]."""

    value: str
    prior: float
    uniform: float


@dataclass(frozen=True)
class SearchReport:
    """Everything a reader of one search is told; the same for API and page."""

    search: Search
    state: str
    by_state: dict[str, int]
    by_outcome: dict[str, int]
    trials_done: int
    trials_failed: int
    best: FrontPoint | None
    front: tuple[FrontPoint, ...]
    running: tuple[RunningTrial, ...]
    neighbours: tuple[NeighbourTask, ...]
    methods: tuple[Shift, ...]
    language_models: tuple[Shift, ...]
    seconds_used: float
    time_left_s: float | None
    trials: tuple[Trial, ...] = field(default=(), repr=False)


def dataset_list(user: User) -> QuerySet[Dataset]:
    """Datasets the user may see, newest first."""
    return Dataset.objects.visible_to(user).order_by("-created_at", "id")


def dataset_detail(user: User, dataset_id: UUID) -> Dataset | None:
    """One visible dataset, or None: absent and forbidden are the same answer."""
    return Dataset.objects.visible_to(user).filter(pk=dataset_id).first()


@dataclass(frozen=True)
class Estimate:
    """What a search would take, from runs on the nearest tasks. Seconds, bytes; shares in [0, 1]."""

    runs: int
    tasks: list[str]
    mean_s: float
    total_s: float
    most_s: float
    memory_bytes: int | None
    failed: float


def estimate(
    user: User, dataset: Dataset, *, methods: Sequence[str], trials: float, slots: float, wall_s: float
) -> Estimate | None:
    """None where too little is known: fewer than ESTIMATE_RUNS runs of these methods on the nearest tasks.

    A trial takes as long as the mean run there took, cut at the limit; nothing is scaled by rows or machine.
    """
    if not dataset.metafeatures or min(trials, slots, wall_s) <= 0:
        return None
    here = Task(kind="text-classification", digest=dataset.task_digest, metafeatures=dataset.metafeatures)
    near = nearest_tasks(user, here, ESTIMATE_TASKS)
    rows = list(
        experience_list(user)
        .filter(task__in=[one.task for one in near], method__in=methods, status__in=("ok", *FAILED))
        .exclude(evaluation_s=None)
        .values_list("evaluation_s", "host_memory_bytes", "status")[:ESTIMATE_ROWS]
    )
    if len(rows) < ESTIMATE_RUNS:
        return None
    mean = sum(min(seconds or 0.0, wall_s) for seconds, _, _ in rows) / len(rows)
    rounds = -(-trials // slots)
    return Estimate(
        runs=len(rows),
        tasks=[str(one.task) for one in near],
        mean_s=mean,
        total_s=mean * trials / slots,
        most_s=wall_s * rounds,
        memory_bytes=max((memory for _, memory, _ in rows if memory), default=None),
        failed=sum(status != "ok" for _, _, status in rows) / len(rows),
    )


def search_list(user: User) -> QuerySet[Search]:
    """Searches the user may see, newest first, with trial counts and the best score."""
    done = Q(trials__state=Trial.State.DONE)
    return (
        Search.objects.visible_to(user)
        .select_related("dataset", "owner", "team")
        .annotate(
            trials_done=Count("trials", filter=done),
            trials_failed=Count("trials", filter=done & ~Q(trials__status="ok")),
            best_score=Max("trials__score"),
        )
        .order_by("-created_at", "id")
    )


def search_detail(user: User, search_id: UUID) -> Search | None:
    """One visible search, or None: absent and forbidden are the same answer."""
    return (
        Search.objects.visible_to(user)
        .select_related("dataset", "owner", "team")
        .filter(pk=search_id)
        .first()
    )


def trial_list(search: Search) -> QuerySet[Trial]:
    """Trials in the order of their numbers."""
    return search.trials.order_by("number")


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """The highest score; of equal ones the quicker."""
    scored = [trial for trial in trials if trial.score is not None]
    return max(scored, key=lambda trial: (trial.score, -(trial.seconds or 0.0)), default=None)


def front_of(trials: Sequence[Trial]) -> tuple[FrontPoint, ...]:
    """Trials not dominated in (score up, seconds down), from quick to good."""
    scored = [trial for trial in trials if trial.score is not None and trial.seconds is not None]
    front: list[FrontPoint] = []
    for trial in sorted(scored, key=lambda one: (one.seconds, -(one.score or 0.0), one.number)):
        if not front or (trial.score or 0.0) > front[-1].score:
            front.append(_point(trial))
    return tuple(front)


def prior_neighbours(reader: User, search: Search) -> tuple[NeighbourTask, ...]:
    """The tasks that the prior came from, as far as this reader may see them.

    The prior is made of what the search's owner may see, which may be more than the rest of the team sees.
    """
    found = search.prior_summary.get("neighbours", ())
    if reader.pk != search.owner_id and found:
        digests = [one["task"] for one in found]
        seen = Experience.objects.visible_to(reader).filter(task__digest__in=digests)
        known = set(seen.values_list("task__digest", flat=True).distinct())
        found = [one for one in found if one["task"] in known]
    return tuple(NeighbourTask(one["task"], one["name"], one["distance"], one["parts"]) for one in found)


def prior_experiences(reader: User, search: Search) -> list[str]:
    """The ids of the experiences that moved the prior, as far as this reader may see them."""
    if reader.pk == search.owner_id or not search.prior_ids:
        return list(search.prior_ids)
    seen = Experience.objects.visible_to(reader).filter(pk__in=search.prior_ids).values_list("pk", flat=True)
    known = {str(pk) for pk in seen}
    return [pk for pk in search.prior_ids if pk in known]


def search_report(search: Search, *, reader: User | None = None, now: datetime | None = None) -> SearchReport:
    """State, counts, best, front, prior and estimates of one search, from one read of its trials.

    `reader` is who will see it, the search's owner when absent.
    """
    now = now or timezone.now()
    trials = list(trial_list(search))
    done = [trial for trial in trials if trial.state == Trial.State.DONE]
    best = best_trial(done)
    summary = search.prior_summary
    return SearchReport(
        search=search,
        state=search.state,
        by_state=dict(Counter(trial.state for trial in trials)),
        by_outcome=dict(Counter(trial.status for trial in done)),
        trials_done=len(done),
        trials_failed=sum(trial.status != "ok" for trial in done),
        best=_point(best) if best is not None else None,
        front=front_of(done),
        running=tuple(_running(trial, now) for trial in trials if trial.state == Trial.State.RUNNING),
        neighbours=prior_neighbours(reader or search.owner, search),
        methods=_shifts(summary, "method"),
        language_models=_shifts(summary, "language_model"),
        seconds_used=seconds_used(search, now),
        time_left_s=time_left(search, trials, now),
        trials=tuple(trials),
    )


def seconds_used(search: Search, now: datetime) -> float:
    """Wall-clock seconds from the first start to the end or to now; 0 before the start."""
    if search.started_at is None:
        return 0.0
    return max(0.0, ((search.ended_at or now) - search.started_at).total_seconds())


def time_left(search: Search, trials: Sequence[Trial], now: datetime) -> float | None:
    """Estimate in seconds: trials left times the mean time of a finished one, over the slots.

    None before the first trial has ended; 0 when the search is over. A trial's time counts from claim to end,
    start of the child included, so that the estimate holds for the clock on the wall.
    """
    if search.is_finished:
        return 0.0
    spans = [
        (trial.finished_at - trial.started_at).total_seconds()
        for trial in trials
        if trial.state == Trial.State.DONE and trial.finished_at and trial.started_at
    ]
    if not spans:
        return None
    mean = sum(spans) / len(spans)
    counted = sum(trial.state != Trial.State.CANCELLED for trial in trials)
    waiting = search.budget_trials - counted + sum(trial.state == Trial.State.QUEUED for trial in trials)
    elapsed = [
        (now - trial.started_at).total_seconds()
        for trial in trials
        if trial.state == Trial.State.RUNNING and trial.started_at
    ]
    work = mean * max(waiting, 0) + sum(max(mean - spent, 0.0) for spent in elapsed)
    left = work / search.slots
    if search.budget_seconds is not None:
        left = min(left, max(search.budget_seconds - seconds_used(search, now), 0.0) + mean)
    return left


def _point(trial: Trial) -> FrontPoint:
    return FrontPoint(
        trial=trial.number,
        trial_id=trial.pk,
        score=trial.score or 0.0,
        seconds=trial.seconds or 0.0,
        method=trial.method,
        language_model=trial.language_model,
        hyperparameters=trial.hyperparameters,
    )


def _running(trial: Trial, now: datetime) -> RunningTrial:
    started = trial.started_at or now
    progress = trial.progress
    return RunningTrial(
        trial=trial.number,
        trial_id=trial.pk,
        method=trial.method,
        language_model=trial.language_model,
        started_at=started,
        phase=progress.get("phase") or "start",
        step=progress.get("step"),
        epoch=progress.get("epoch"),
        seconds=max(0.0, (now - started).total_seconds()),
        memory_bytes=progress.get("memory_bytes"),
        best=progress.get("best"),
    )


def _shifts(summary: dict[str, dict[str, dict[str, float]]], name: str) -> tuple[Shift, ...]:
    """Likeliest first; a value the prior does not name has probability 0."""
    prior = summary.get("distributions", {}).get(name, {})
    uniform = summary.get("uniform", {}).get(name, {})
    values = sorted(set(prior) | set(uniform), key=lambda value: (-prior.get(value, 0.0), value))
    return tuple(Shift(value=v, prior=prior.get(v, 0.0), uniform=uniform.get(v, 0.0)) for v in values)
