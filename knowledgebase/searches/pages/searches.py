"""The list of searches and one search, live while it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from knowledgebase.accounts.models import User
from knowledgebase.core import charts, formats
from knowledgebase.core.errors import Problem
from knowledgebase.searches import bridge, selectors, services
from knowledgebase.searches.models import Search, Trial
from knowledgebase.searches.pages.objectives import FrontTable, at_once, best_words, front_table, is_drawn

PAGE_ROWS = 50
# Below this, a course is told in seconds.
SHORT_S = 300


@dataclass(frozen=True)
class IndexPage:
    searches: Page[Search]


@dataclass(frozen=True)
class DetailPage:
    """One search as it is now.

    ``version`` changes when the page would look different, but for a time left that is about the same; ``status`` is
    what is read aloud when it changes.
    """

    report: selectors.SearchReport
    ruler: charts.Ruler | None
    front: charts.FrontChart | None
    front_table: FrontTable | None
    best: tuple[str, str]
    at_once: str
    growth: charts.LineChart | None
    cold: selectors.ColdTwin | None
    panels: tuple[charts.Panel, ...]
    trials: list[Trial]
    gate: bridge.GateReport
    own_space: str
    """The text of a space that was written for this search; '' without one."""
    is_live: bool
    may_cancel: bool
    status: str
    version: str


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    rows = selectors.search_list(cast(User, request.user))
    page = IndexPage(Paginator(rows, PAGE_ROWS).get_page(request.GET.get("page")))
    return render(request, "searches/index.html", {"page": page})


@require_GET
@login_required
def detail(request: HttpRequest, search_id: UUID) -> HttpResponse:
    return render(
        request,
        "searches/detail.html",
        {"page": detail_page(cast(User, request.user), found(request, search_id))},
    )


@require_GET
@login_required
def live(request: HttpRequest, search_id: UUID) -> HttpResponse:
    """The changing part alone; 204 while nothing has changed since the version that the page shows."""
    page = detail_page(cast(User, request.user), found(request, search_id))
    if request.GET.get("version") == page.version:
        return HttpResponse(status=204)
    return render(request, "searches/_live.html", {"page": page})


@require_POST
@login_required
def cancel(request: HttpRequest, search_id: UUID) -> HttpResponse:
    search = found(request, search_id)
    try:
        services.cancel_search(cast(User, request.user), search)
        messages.info(request, "Cancelled: what has finished is kept, running trials end within seconds.")
    except Problem as problem:
        messages.error(request, problem.detail)
    return redirect("searches:detail", search_id=search_id)


def found(request: HttpRequest, search_id: UUID) -> Search:
    search = selectors.search_detail(cast(User, request.user), search_id)
    if search is None:
        raise Http404
    return search


def detail_page(reader: User, search: Search) -> DetailPage:
    report = selectors.search_report(search, reader=reader)
    cold = selectors.cold_twin(reader, search, report.trials)
    return DetailPage(
        report=report,
        ruler=progress_ruler(report),
        front=front_chart(report, cold) if is_drawn(search.objectives) else None,
        front_table=front_table(report),
        best=best_words(report),
        at_once=at_once(search.objectives),
        growth=growth_chart(report),
        cold=cold,
        may_cancel=selectors.may_cancel(reader, search),
        panels=charts.prior_panels("prior", prior_rows(report)),
        trials=[trial for trial in reversed(report.trials) if trial.state != Trial.State.SKIPPED],
        gate=bridge.gate_report(report.trials),
        own_space=bridge.space_text(search.own_space),
        is_live=not search.is_finished,
        status=status(report),
        version=version(report),
    )


def status(report: selectors.SearchReport) -> str:
    over = f" The search has ended: {report.state}." if report.search.is_finished else ""
    return f"{report.trials_done} of {report.search.budget_trials} trials done.{over}"


def version(report: selectors.SearchReport) -> str:
    """States of the search and of its trials, the progress of the running ones, and about how long it will take."""
    parts = [report.state, *(f"{trial.number}{trial.state}{trial.attempt}" for trial in report.trials)]
    parts += [f"{trial.trial}{trial.phase}{trial.step}" for trial in report.running]
    return fingerprint([*parts, about(report.time_left_s)])


def fingerprint(parts: Iterable[str]) -> str:
    """16 hexadecimal digits that change with any of the parts."""
    return sha256("\0".join(parts).encode()).hexdigest()[:16]


def about(seconds: float | None) -> str:
    """A time in steps that are small beside it: of 5 seconds below two minutes, of 30 below an hour, then of 300."""
    if seconds is None:
        return ""
    step = 5 if seconds < 120 else 30 if seconds < 3600 else 300
    return str(round(seconds / step) * step)


def progress_ruler(report: selectors.SearchReport) -> charts.Ruler | None:
    search = report.search
    if search.is_finished:
        return None
    done, budget = report.trials_done, search.budget_trials
    left = formats.seconds(report.time_left_s) if report.time_left_s is not None else ""
    finding = f"{done} of {budget} trials done" + (f", about {left} left." if left else ".")
    labels = ("0", f"{done} trials", f"{budget}")
    return charts.ruler("progress-ruler", "Trials of the budget", done, budget, labels, finding)


def growth_chart(report: selectors.SearchReport) -> charts.LineChart | None:
    """The best score over the time since the start, in steps."""
    start = report.search.started_at
    ended = sorted((t.finished_at, t.score) for t in report.trials if t.finished_at and t.score is not None)
    if start is None or not ended:
        return None
    unit, words, unit_s = ("s", "seconds", 1) if report.seconds_used < SHORT_S else ("min", "minutes", 60)
    steps: list[tuple[float, float]] = []
    for moment, score in ended:
        at, before = (moment - start).total_seconds() / unit_s, steps[-1][1] if steps else score
        steps += [(at, before), (at, max(before, score))]
    steps.append((report.seconds_used / unit_s, steps[-1][1]))
    series = [charts.Series("best", tuple(steps))]
    axis = f"best {report.search.dataset.score_name} so far"
    return charts.line_chart(
        "growth", "Best score over time", axis, f"{words} since start", series, where=f"after {{}} {unit}"
    )


def front_chart(report: selectors.SearchReport, cold: selectors.ColdTwin | None) -> charts.FrontChart | None:
    points = [
        charts.Point(trial.number, trial.method, trial.score, trial.seconds)
        for trial in report.trials
        if trial.score is not None and trial.seconds is not None
    ]
    failures: dict[str, list[float]] = {}
    for trial in report.trials:
        if trial.status and trial.status != "ok":
            failures.setdefault(trial.status, []).append(trial.seconds or 0.0)
    reference = [charts.Point(p.trial, p.method, p.score, p.seconds) for p in cold.front] if cold else []
    return charts.front_chart("fig-front", points, failures, report.search.dataset.score_name, reference)


def prior_rows(report: selectors.SearchReport) -> dict[str, list[tuple[str, float, float]]]:
    methods = [(shift.value, shift.prior, shift.uniform) for shift in report.methods]
    models = [
        (formats.language_model(shift.value), shift.prior, shift.uniform) for shift in report.language_models
    ]
    return {"method": methods, "language model": models}
