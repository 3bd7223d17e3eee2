"""The list of experiences and one of them. Reading is in selectors; this only lays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from knowledgebase.accounts.models import User
from knowledgebase.core import charts
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import selectors
from knowledgebase.experiences.filters import ExperienceFilters
from knowledgebase.experiences.models import Experience

PAGE_ROWS = 50
SHOWN_RELATIVES = 8


@dataclass(frozen=True)
class Chip:
    """One filter that is set, and the address without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True)
class StatusLink:
    """One outcome in these rows, how many, and the address that shows only it."""

    status: str
    count: int
    address: str
    is_chosen: bool


@dataclass(frozen=True)
class IndexPage:
    """A page of experiences; ``older`` is the address of the next page or empty."""

    experiences: list[Experience]
    total: int
    chips: list[Chip]
    statuses: list[StatusLink]
    strip: charts.Strip | None
    older: str
    newest: str
    api: str
    find: str = ""
    problem: str = ""


@dataclass(frozen=True)
class DetailPage:
    """One experience, its curve, and what else is known about the same task."""

    experience: Experience
    task: Mapping[str, Any]
    outcome: Mapping[str, Any]
    cost: Mapping[str, Any]
    limits: Mapping[str, Any]
    conditions: Mapping[str, Any]
    hyperparameters: list[tuple[str, object]]
    metrics: list[tuple[str, str, object]]
    metafeatures: list[tuple[str, object]]
    chart: charts.LineChart | None
    relatives: list[Experience] = field(default_factory=list)


def address(filters: Mapping[str, str]) -> str:
    return "/experiences/" + (f"?{urlencode(filters)}" if filters else "")


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Filters stand in the address; the pager goes by change number."""
    user = cast(User, request.user)
    status = 200
    problem = ""
    try:
        filters = ExperienceFilters.parse(request.GET.dict(), beside=("before",))
        rows = selectors.experience_list(user, filters)
    except Problem as error:
        filters, status, problem = ExperienceFilters(), error.status, error.detail
        rows = selectors.experience_list(user).none()
    page = index_page(user, rows, filters, request.GET.get("before", ""), problem)
    return render(request, "experiences/index.html", {"page": page, "find": page.find}, status=status)


def index_page(user: User, rows: Any, filters: ExperienceFilters, before: str, problem: str) -> IndexPage:
    active = filters.active()
    beside = {name: value for name, value in active.items() if name != "status"}
    counts = selectors.outcome_counts(
        selectors.experience_list(user, ExperienceFilters(**beside)) if not problem else rows
    )
    total = selectors.outcome_counts(rows)
    paged = rows.filter(change_seq__lt=int(before)) if before.isascii() and before.isdigit() else rows
    shown = list(paged[: PAGE_ROWS + 1])
    older = {**active, "before": str(shown[PAGE_ROWS - 1].change_seq)} if len(shown) > PAGE_ROWS else {}
    return IndexPage(
        experiences=shown[:PAGE_ROWS],
        total=sum(total.values()),
        chips=[Chip(name, value, address(without(active, name))) for name, value in active.items()],
        statuses=[
            StatusLink(status, count, address({**beside, "status": status}), filters.status == status)
            for status, count in counts.items()
        ],
        strip=charts.outcome_strip("outcomes", "Outcomes of these experiences", counts),
        older=address(older) if older else "",
        newest=address(active) if before else "",
        api="/api/v1" + address(active),
        find=filters.q,
        problem=problem,
    )


def without(active: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in active.items() if key != name}


@require_GET
@login_required
def detail(request: HttpRequest, experience_id: UUID) -> HttpResponse:
    user = cast(User, request.user)
    try:
        row = selectors.experience_detail(user, experience_id)
    except Problem as error:
        raise Http404(error.detail) from error
    return render(request, "experiences/detail.html", {"page": detail_page(user, row)})


def detail_page(user: User, row: Experience) -> DetailPage:
    record = row.record
    metrics = record.get("metrics") or {}
    values = ((record["task"].get("metafeatures") or {}).get("values")) or {}
    return DetailPage(
        experience=row,
        task=record["task"],
        outcome=record["outcome"],
        cost=record.get("cost") or {},
        limits=record.get("limits") or {},
        conditions=record.get("conditions") or {},
        hyperparameters=sorted(row.pipeline.hyperparameters.items()),
        metrics=[
            (split, name, value) for split, named in metrics.items() for name, value in sorted(named.items())
        ],
        metafeatures=list(values.items()),
        chart=curve_chart(record.get("curve") or []),
        relatives=list(selectors.successes_on(user, row)[:SHOWN_RELATIVES]),
    )


def curve_chart(curve: list[dict[str, Any]]) -> charts.LineChart | None:
    """Loss and scores over the steps of training."""
    names = sorted({name for point in curve for name in point.get("values", {})})
    chosen = [name for name in names if "loss" in name] or names
    series = [
        charts.Series(
            name,
            tuple(
                (float(point["step"]), float(point["values"][name]))
                for point in curve
                if point.get("step") is not None
                and isinstance(point.get("values", {}).get(name), (int, float))
            ),
        )
        for name in chosen
    ]
    return charts.line_chart("curve", "Training", "loss", "step", series, from_zero=True)
