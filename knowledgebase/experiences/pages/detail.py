"""One experience as a page. Reading is in selectors; this only lays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from knowledgebase.accounts.models import User
from knowledgebase.core import charts
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import selectors, services
from knowledgebase.experiences.models import Experience

SHOWN_RELATIVES = 8


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
    may_publish: bool = False
    may_withdraw: bool = False
    may_delete: bool = False
    duplicates: list[UUID] = field(default_factory=list)


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
    may_share = services.may_share(row, user)
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
        may_publish=row.visibility != Experience.Visibility.PUBLIC and may_share,
        may_withdraw=row.visibility != Experience.Visibility.PRIVATE and may_share,
        may_delete=may_share,
        duplicates=selectors.duplicates_of(user, row),
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
