"""Deleting a search or a dataset by hand. First what goes and what stays, then the word.

What it does is the services'; this only shows and asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from knowledgebase.accounts.models import User
from knowledgebase.core.errors import Problem
from knowledgebase.experiences.services import own_experiences
from knowledgebase.searches import selectors, services
from knowledgebase.searches.models import Dataset


@require_http_methods(["GET", "POST"])
@login_required
def delete(request: HttpRequest, search_id: UUID) -> HttpResponse:
    """Delete a search that has ended. 404 for what one may not see, 403 for a viewer of its team."""
    user = cast(User, request.user)
    search = selectors.search_detail(user, search_id)
    if search is None:
        raise Http404
    if not selectors.may_cancel(user, search):
        return _read_only(request, "Only those who write in the team of this search can delete it.")

    def done() -> HttpResponse:
        too = request.POST.get("experiences") == "delete"
        gone = services.delete_search(search_id, actor=user, with_experiences=too)
        with_them = f" and {gone} experience{'' if gone == 1 else 's'}" if gone else ""
        messages.info(request, f"Deleted search {search}{with_them} for good.")
        return redirect("searches:index")

    contents = selectors.search_contents(user, search)
    own = len(own_experiences(contents.experiences, user)) == len(contents.experiences)
    page = {
        "search": search,
        "contents": contents,
        "may_take_experiences": own,
        # Who writes in the search's team may be a stranger to the dataset's.
        "may_delete_dataset": selectors.may_delete_dataset(user, search.dataset),
    }
    return _asked(request, "searches/delete.html", page, done)


@require_http_methods(["GET", "POST"])
@login_required
def delete_dataset(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """Delete a dataset that no search needs. 404 for what one may not see, 403 for a viewer of its team."""
    user = cast(User, request.user)
    dataset = selectors.dataset_detail(user, dataset_id)
    if dataset is None or dataset.state == Dataset.State.DELETED:
        raise Http404
    if not selectors.may_delete_dataset(user, dataset):
        return _read_only(request, "Only those who write in the team of this dataset can delete it.")

    def done() -> HttpResponse:
        services.delete_dataset(dataset_id, actor=user)
        messages.info(request, f"Deleted dataset {dataset.name} for good.")
        return redirect("searches:new")

    page = {"dataset": dataset, "contents": selectors.dataset_contents(user, dataset)}
    return _asked(request, "searches/delete_dataset.html", page, done)


def _asked(
    request: HttpRequest, template: str, page: Mapping[str, Any], done: Callable[[], HttpResponse]
) -> HttpResponse:
    """A GET shows what would happen; a POST with the tick does it, or shows again with what stood against it."""
    problem, status = "", 200
    if request.method == "POST":
        try:
            if request.POST.get("seen") != "yes":
                detail = "nothing was deleted: tick that you have read what goes and what stays"
                raise Problem(422, "not_confirmed", "Not confirmed", detail)
            return done()
        except Problem as refusal:
            problem, status = refusal.sentence, refusal.status
    return render(request, template, {"page": {**page, "problem": problem}}, status=status)


def _read_only(request: HttpRequest, detail: str) -> HttpResponse:
    return render(request, "web/error.html", {"title": "Read only", "detail": detail}, status=403)
