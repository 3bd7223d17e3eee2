"""Tasks: the list, one task, and how far they lie from each other. Reading is in selectors; this lays out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from knowledgebase.accounts.models import User
from knowledgebase.core import charts
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import selectors
from knowledgebase.experiences.models import Task

PAGE_TASKS = 100
EXPLAINED = 4
LEADERS = 10
HEAT_TASKS = 8
DRAWN_POINTS = 600


@dataclass(frozen=True)
class FeatureRow:
    """One meta-feature of this task, and beside it what its difference adds to the distance of the nearest tasks."""

    name: str
    value: float | None
    others: list[tuple[float | None, float, str]]


@dataclass(frozen=True)
class TaskPage:
    """One task with everything tried on it. `cut`: only the newest rows were read."""

    task: Task
    counts: Mapping[str, int]
    total: int
    failed: int
    best: selectors.Tried | None
    best_quick: selectors.Tried | None
    chart: charts.FrontChart | None
    front: list[selectors.Tried]
    leaders: list[selectors.Tried]
    losses: list[selectors.Losses]
    near: list[selectors.NearTask]
    explained: list[selectors.NearTask]
    features: list[FeatureRow]
    heat: charts.HeatMap | None
    cut: bool
    all_address: str
    leaders_address: str
    failures_address: str


@dataclass(frozen=True)
class MapPage:
    """Tasks of one kind, by distance."""

    kind: str
    kinds: list[str]
    heat: charts.HeatMap | None
    plane: charts.Plane | None
    tasks: int


@require_GET
@login_required
def task_index(request: HttpRequest) -> HttpResponse:
    """Tasks with what is known about them, newest change first."""
    tasks = selectors.task_summaries(cast(User, request.user))
    page = {"tasks": tasks[:PAGE_TASKS], "cut": len(tasks) > PAGE_TASKS, "shown": PAGE_TASKS}
    return render(request, "experiences/tasks.html", {"page": page})


@require_GET
@login_required
def task_detail(request: HttpRequest, digest: str) -> HttpResponse:
    user = cast(User, request.user)
    try:
        task = selectors.task_detail(user, digest)
    except Problem as error:
        raise Http404(error.detail) from error
    return render(request, "experiences/task.html", {"page": task_page(user, task)})


def task_page(user: User, task: Task) -> TaskPage:
    tried = selectors.tried_on(user, task)
    scored = [row for row in tried if row.score is not None and row.seconds]
    front = front_rows(scored)
    near, far = selectors.surroundings(user, task, HEAT_TASKS - 1) if task.comparable else ([], [])
    counts = Counter(row.status for row in tried)
    quick = [row for row in scored if (row.seconds or 0) <= 60]
    here = {"task": task.digest}
    return TaskPage(
        task=task,
        counts=counts,
        total=len(tried),
        failed=sum(counts[status] for status in selectors.FAILED),
        best=max(scored, key=score_of, default=None),
        best_quick=max(quick, key=score_of, default=None),
        chart=front_chart(scored, front, tried),
        front=front,
        leaders=sorted(scored, key=score_of, reverse=True)[:LEADERS],
        losses=selectors.losses(tried),
        near=near,
        explained=near[:EXPLAINED],
        features=feature_rows(task, near[:EXPLAINED]),
        heat=heat_around(task, near, far) if near else None,
        cut=len(tried) == selectors.TRIED_ROWS,
        all_address=f"{reverse('experiences:index')}?{urlencode(here)}",
        leaders_address=f"{reverse('experiences:index')}?{urlencode({**here, 'order': '-score'})}",
        failures_address=f"{reverse('experiences:index')}?{urlencode({**here, 'status': 'failed'})}",
    )


def score_of(row: selectors.Tried) -> float:
    return row.score or 0.0


def front_rows(scored: Sequence[selectors.Tried]) -> list[selectors.Tried]:
    """The rows that no other beats in score and time at once, fastest first."""
    points = [charts.Point(n, row.method, score_of(row), row.seconds or 0.0) for n, row in enumerate(scored)]
    return [scored[point.number] for point in charts.front_of(points)]


def front_chart(
    scored: Sequence[selectors.Tried], front: Sequence[selectors.Tried], tried: Sequence[selectors.Tried]
) -> charts.FrontChart | None:
    """The front and, behind it, the newest others, as many as a chart can carry."""
    on_front = {row.id for row in front}
    others = [row for row in scored if row.id not in on_front][: DRAWN_POINTS - len(front)]
    points = [
        charts.Point(number, row.method, score_of(row), row.seconds or 0.0)
        for number, row in enumerate([*front, *others], start=1)
    ]
    lost: dict[str, list[float]] = {}
    for row in tried:
        if row.status in selectors.FAILED:
            lost.setdefault(row.status, []).append(row.seconds or 0.0)
    return charts.front_chart("front", points, lost, "score", counted="Point")


def feature_rows(task: Task, near: Sequence[selectors.NearTask]) -> list[FeatureRow]:
    """The meta-features in the extractor's order; the share of the squared distance that each makes."""
    rows = []
    for name, value in task.metafeatures.get("values", {}).items():
        others = []
        for one in near:
            whole = sum(one.parts.values()) or 1.0
            share = one.parts.get(name, 0.0) / whole
            others.append((one.task.metafeatures["values"].get(name), share, f"{64 * share:.1f}"))
        rows.append(FeatureRow(name, value, others))
    return rows


def heat_around(
    task: Task, near: Sequence[selectors.NearTask], far: list[list[float]]
) -> charts.HeatMap | None:
    labels = labels_of([task, *(one.task for one in near)])
    return charts.heat_map("heat", "Distances between tasks", labels, far)


def labels_of(tasks: Sequence[Task]) -> list[tuple[str, str]]:
    return [(str(task), reverse("experiences:task", args=[task.digest])) for task in tasks]


@require_GET
@login_required
def task_map(request: HttpRequest) -> HttpResponse:
    """All tasks of one kind: distances as a heat map, and in a plane."""
    user = cast(User, request.user)
    known = selectors.task_summaries(user)
    kinds = sorted({task.kind for task in known})
    usual = "text-classification" if "text-classification" in kinds else next(iter(kinds), "")
    kind = request.GET.get("kind", "") or usual
    tasks = selectors.comparable_tasks(known, kind)
    labels, far = labels_of(tasks), selectors.distances_between(tasks)
    page = MapPage(
        kind=kind,
        kinds=kinds,
        heat=charts.heat_map("heat", "Distances between tasks", *by_similarity(labels, far)),
        plane=charts.plane("plane", "Tasks by distance", labels, far),
        tasks=len(tasks),
    )
    return render(request, "experiences/task_map.html", {"page": page})


def by_similarity(labels: list[Any], far: list[list[float]]) -> tuple[list[Any], list[list[float]]]:
    """Labels and distances in an order that puts near tasks beside each other: always the nearest one left."""
    left = list(range(len(labels)))
    order = [left.pop(0)] if left else []
    while left:
        order.append(left.pop(min(range(len(left)), key=lambda place: far[order[-1]][left[place]])))
    return [labels[row] for row in order], [[far[row][column] for column in order] for row in order]
