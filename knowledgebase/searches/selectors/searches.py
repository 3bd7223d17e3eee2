"""Reads of datasets, searches and trials for API and pages.

It writes nothing and knows nothing of how pipelines are proposed; start from search_list and search_report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Count, Max, Q, QuerySet, When
from django.utils import timezone

from knowledgebase.accounts.models import User
from knowledgebase.accounts.selectors import may_write
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.selectors import task_names
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.selectors.fronts import (
    FrontPoint,
    best_trial,
    front_of,
    is_matched,
    measured_in,
    point_of,
)


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
    """Datasets the user may see, newest first, without what is left of deleted ones."""
    return Dataset.objects.visible_to(user).exclude(state=Dataset.State.DELETED).order_by("-created_at", "id")


def dataset_detail(user: User, dataset_id: UUID) -> Dataset | None:
    """One visible dataset, or None: absent and forbidden are the same answer."""
    return Dataset.objects.visible_to(user).filter(pk=dataset_id).first()


def search_list(user: User) -> QuerySet[Search]:
    """Searches the user may see, newest first, with trial counts and the best score."""
    done = Q(trials__state=Trial.State.DONE)
    return (
        Search.objects.visible_to(user)
        .select_related("dataset", "owner", "team")
        .annotate(
            trials_done=Count("trials", filter=done),
            trials_failed=Count("trials", filter=done & ~Q(trials__status__in=Trial.NO_FAILURE)),
            best_score=Max("trials__score"),
        )
        .order_by("-created_at", "id")
    )


def unfinished_first(searches: QuerySet[Search]) -> QuerySet[Search]:
    """What still runs or waits before what has ended, each newest first."""
    ended = Case(When(state__in=Search.UNFINISHED, then=0), default=1)
    return searches.order_by(ended, "-created_at", "id")


def searches_on(user: User, dataset: Dataset) -> QuerySet[Search]:
    """Finished searches on the same rows, whoever uploaded them, the best first."""
    if not dataset.task_digest:
        return Search.objects.none()
    done = Search.objects.visible_to(user).filter(
        dataset__task_digest=dataset.task_digest, state=Search.State.DONE
    )
    best = done.select_related("dataset", "owner", "team").annotate(best_score=Max("trials__score"))
    return best.exclude(best_score=None).order_by("-best_score", "-ended_at")


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


def prior_neighbours(reader: User, search: Search) -> tuple[NeighbourTask, ...]:
    """The tasks that the prior came from, as far as this reader may see them.

    The prior is made of what the search's owner may see, which may be more than the rest of the team sees.
    """
    found = search.prior_summary.get("neighbours", ())
    if not found:
        return ()
    names = task_names(reader, [one["task"] for one in found])
    is_own = reader.pk == search.owner_id
    return tuple(
        NeighbourTask(
            one["task"],
            names.get(one["task"]) or one["task"],
            one["distance"],
            # Of what is gone by now only that it was there.
            one["parts"] if one["task"] in names else {},
        )
        for one in found
        if is_own or one["task"] in names
    )


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
    best = best_trial(done, search.objectives)
    summary = search.prior_summary
    return SearchReport(
        search=search,
        state=search.state,
        by_state=dict(Counter(trial.state for trial in trials)),
        by_outcome=dict(Counter(trial.status for trial in done)),
        trials_done=len(done),
        trials_failed=sum(trial.status not in Trial.NO_FAILURE for trial in done),
        best=point_of(best) if best is not None else None,
        front=front_of(done, search.objectives),
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
    counted = sum(trial.state not in Trial.NEVER_RAN for trial in trials)
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


def may_cancel(user: User, search: Search) -> bool:
    """Whether the person started the search or may write in its team."""
    return search.owner_id == user.pk or may_write(user, search.team_id)


@dataclass(frozen=True)
class ColdTwin:
    """A search from a cold start under the same limits, and how many trials of another lie beyond its front."""

    search: Search
    front: tuple[FrontPoint, ...]
    beyond: int
    compared: int


def cold_twin(reader: User, search: Search, trials: Sequence[Trial]) -> ColdTwin | None:
    """The newest finished cold search on the same rows with the same cuts, limits and space, if there is one.

    As many of its trials count as this search has ended, so that neither had more tries. A trial lies beyond the
    cold front when no counted trial of the twin is at least as good in every objective.
    """
    ended = [trial for trial in trials if trial.state == Trial.State.DONE]
    scored = measured_in(ended, search.objectives)
    if not search.warm_start or not search.dataset.task_digest or not scored:
        return None
    same = ("train_rows", "evaluation_rows", "wall_s", "host_memory_bytes", "space", "methods", "objectives")
    twin = (
        Search.objects.visible_to(reader)
        .filter(warm_start=False, state=Search.State.DONE, dataset__task_digest=search.dataset.task_digest)
        .filter(**{name: getattr(search, name) for name in same})
        .exclude(sampler="listed")
        .order_by("-ended_at")
        .first()
    )
    rivals = list(trial_list(twin).filter(state=Trial.State.DONE)[: len(ended)]) if twin is not None else []
    if twin is None or len(rivals) < len(ended):
        return None
    front = front_of(rivals, search.objectives)
    beyond = sum(not is_matched(one, front, search.objectives) for one in scored)
    return ColdTwin(twin, front, beyond, len(scored))


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
