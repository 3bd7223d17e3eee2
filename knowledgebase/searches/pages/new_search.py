"""A new search, step 3: what counts, what may be tried and what it may cost, with an estimate beside it.

The state of the form is the address; a POST starts the search or, without JavaScript, asks for the estimate.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.selectors import may_write, writable_teams
from knowledgebase.core.deadlines import bounded_read
from knowledgebase.core.errors import FieldError, Problem
from knowledgebase.searches import bridge, selectors, services
from knowledgebase.searches.forms import SearchForm, by_field, invalid
from knowledgebase.searches.models import Dataset, Search

SHOWN_SEARCHES = 3
LOWER: Mapping[str, str] = {
    "seconds": "time to result, lower",
    "memory_bytes": "memory at its peak, lower",
    "trainable_parameters": "weights to be trained, fewer",
    "energy_j": "energy, lower",
}


@dataclass(frozen=True)
class EstimatePage:
    """What the search would take, what stands out in the rows, and what was found on them before."""

    dataset: Dataset
    asked: services.SearchRequest | None
    estimate: services.Estimate
    before: list[Search]

    @property
    def is_waiting(self) -> bool:
        return self.dataset.state == Dataset.State.RESOLVING


@dataclass(frozen=True)
class SetUpPage:
    """The form as the person wrote it, and the estimate beside it; ``key`` makes a doubled click one search."""

    dataset: Dataset
    form: SearchForm
    spaces: tuple[str, ...]
    methods: list[tuple[str, bool]]
    language_models: list[tuple[bridge.Choice, bool]]
    objectives: list[tuple[str, str, bool]]
    teams: list[Team]
    may_start: bool
    key: str
    side: EstimatePage
    own_space_most: int
    errors: Mapping[str, str] = field(default_factory=dict)


@require_http_methods(["GET", "POST"])
@login_required
def set_up(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """GET shows the form and its estimate; POST starts, or leads to the estimate's address."""
    user, dataset = cast(User, request.user), found(request, dataset_id)
    if request.method == "GET":
        return _page(request, user, dataset, SearchForm.read(request.GET), {})
    form = SearchForm.read(request.POST)
    if "estimate" in request.POST and form.values["own_space"]:
        return _page(request, user, dataset, form, {})
    if "estimate" in request.POST:
        return HttpResponseRedirect(f"{reverse('searches:set-up', args=[dataset.pk])}?{form.query()}")
    try:
        team = next((one for one in writable_teams(user) if one.slug == form.team), None)
        if form.team and team is None:
            raise invalid([FieldError("team", f"{form.team[:40]!r} is no team that you may add to")])
        asked = form.request(dataset, request.POST.get("key", ""))
        search = services.launch_search(user, asked, team=team)
        return redirect("searches:detail", search_id=search.pk)
    except Problem as problem:
        return _page(request, user, dataset, form, by_field(problem))


@require_http_methods(["GET", "POST"])
@login_required
@bounded_read
def estimate(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """The part of the page that follows the form; by a POST where there is a space of one's own, too long to GET."""
    dataset = found(request, dataset_id)
    form = SearchForm.read(request.POST if request.method == "POST" else request.GET)
    side = estimate_page(cast(User, request.user), dataset, form)
    return render(request, "searches/_estimate.html", {"side": side})


def found(request: HttpRequest, dataset_id: UUID) -> Dataset:
    dataset = selectors.dataset_detail(cast(User, request.user), dataset_id)
    if dataset is None:
        raise Http404
    return dataset


def estimate_page(user: User, dataset: Dataset, form: SearchForm) -> EstimatePage:
    before = list(selectors.searches_on(user, dataset)[:SHOWN_SEARCHES])
    try:
        asked = form.request(dataset)
        wrong, _ = services.check_request(asked)
    except Problem as problem:
        asked, wrong = None, list(problem.fields)
    if asked is None or wrong:
        names = ", ".join(sorted(by_field(invalid(wrong))))
        reason = f"The estimate follows when these fields are right: {names}."
        return EstimatePage(dataset, None, services.Estimate(reason=reason), before)
    return EstimatePage(dataset, asked, services.estimate_search(user, asked), before)


def _page(
    request: HttpRequest, user: User, dataset: Dataset, form: SearchForm, errors: Mapping[str, str]
) -> HttpResponse:
    methods, models = form.methods, form.language_models
    words = {**LOWER, "score": f"{dataset.score_name}, higher"}
    page = SetUpPage(
        dataset=dataset,
        form=form,
        spaces=bridge.space_names(dataset.kind),
        methods=[(name, not methods or name in methods) for name in bridge.method_names(dataset.kind)],
        language_models=[(one, not models or one.key in models) for one in bridge.language_model_choices()],
        objectives=[(name, words[name], name in form.objectives) for name in bridge.measured()],
        teams=list(writable_teams(user)),
        may_start=dataset.owner_id == user.pk or may_write(user, dataset.team_id),
        key=request.POST.get("key", "") or secrets.token_urlsafe(12),
        side=estimate_page(user, dataset, form),
        own_space_most=bridge.LONGEST_TEXT,
        errors=errors,
    )
    return render(request, "searches/new_set_up.html", {"page": page}, status=422 if errors else 200)
