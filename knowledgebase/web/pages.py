"""The overview, and the choice of a theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from knowledgebase.accounts.models import User
from knowledgebase.accounts.pages import safe_next
from knowledgebase.core import charts
from knowledgebase.experiences import selectors
from knowledgebase.experiences.models import Experience, Run, Task
from knowledgebase.searches.models import Search
from knowledgebase.searches.selectors import search_list, unfinished_first
from knowledgebase.web.context import THEMES

YEAR_S = 365 * 86_400
SHOWN_TASKS, SHOWN_NEW, SHOWN_SEARCHES = 8, 8, 5


@dataclass(frozen=True)
class OverviewPage:
    """What the hub knows, what runs, what is new."""

    figures: selectors.Statistics
    strip: charts.Strip | None
    growth: charts.Growth | None
    searches: list[Search]
    runs: list[Run]
    tasks: list[Task]
    newest: list[Experience]


@require_GET
@login_required
def overview(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    figures = selectors.statistics(user)
    page = OverviewPage(
        figures=figures,
        strip=charts.outcome_strip("outcomes", "Outcomes of all experiences", figures.by_outcome),
        growth=charts.growth_chart("growth", *selectors.growth(user)),
        searches=list(unfinished_first(search_list(user))[:SHOWN_SEARCHES]),
        runs=list(selectors.running_runs(user)[:SHOWN_NEW]),
        tasks=selectors.task_summaries(user)[:SHOWN_TASKS],
        newest=list(newest_experiences(user)),
    )
    return render(request, "web/overview.html", {"page": page})


def newest_experiences(user: User) -> QuerySet[Experience]:
    """With what the table shows of each, and no more."""
    rows = selectors.experience_list(user).prefetch_related(None)
    return rows.prefetch_related("task", selectors.WORDS, "language_model")[:SHOWN_NEW]


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark for this browser; anything else follows the system again."""
    response = redirect(safe_next(request, request.POST.get("next", "/")))
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie("theme", chosen, max_age=YEAR_S, samesite="Lax", secure=request.is_secure())
    else:
        response.delete_cookie("theme")
    return response
