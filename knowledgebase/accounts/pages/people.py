"""The operator's list of accounts, and a one-time link for whoever cannot sign in. It shows nothing of any team."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from knowledgebase.accounts import selectors, services
from knowledgebase.accounts.models import User

PAGE_ROWS = 100


@dataclass(frozen=True)
class PeoplePage:
    """``link`` is a reset link for ``link_name`` that this very answer shows, and no other will."""

    people: Page[User]
    link: str = ""
    link_name: str = ""


@require_GET
@login_required
def people(request: HttpRequest) -> HttpResponse:
    return _page(request)


@never_cache
@require_POST
@login_required
def reset_link(request: HttpRequest, user_id: int) -> HttpResponse:
    _require_operator(request)
    user = selectors.people_list().filter(pk=user_id, is_active=True).first()
    if user is None:
        raise Http404
    path = services.create_reset_link(user, actor=cast(User, request.user))
    return _page(request, request.build_absolute_uri(path), user.username)


def _require_operator(request: HttpRequest) -> None:
    if not cast(User, request.user).is_superuser:
        raise Http404


def _page(request: HttpRequest, link: str = "", link_name: str = "") -> HttpResponse:
    _require_operator(request)
    everybody = Paginator(selectors.people_list(), PAGE_ROWS).get_page(request.GET.get("page"))
    return render(request, "accounts/people.html", {"page": PeoplePage(everybody, link, link_name)})
