"""The logs of who did what: a team's for its owners, the hub's own for its operator. Filters stand in the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from knowledgebase.accounts import selectors
from knowledgebase.accounts.models import AuditEntry, Membership, Team, User

PAGE_ROWS = 50
FILTERS = ("actor", "action", "since", "until")


@dataclass(frozen=True)
class AuditPage:
    """A page of a log; ``team`` is None for the hub's own, ``older`` the next page's query or empty."""

    team: Team | None
    entries: list[AuditEntry]
    actions: list[str]
    actors: list[str]
    chosen: dict[str, str]
    older: str
    problem: str = ""


@require_GET
@login_required
def team_log(request: HttpRequest, slug: str) -> HttpResponse:
    own = selectors.team_detail(cast(User, request.user), slug)
    if own is None or own.role != Membership.Role.OWNER:
        raise Http404
    return _log(request, own.team)


@require_GET
@login_required
def hub_log(request: HttpRequest) -> HttpResponse:
    """What belongs to no team: accounts, sign-ins, one-time links. Nothing of any team stands in it."""
    if not cast(User, request.user).is_superuser:
        raise Http404
    return _log(request, None)


def _log(request: HttpRequest, team: Team | None) -> HttpResponse:
    chosen = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    actions, actors = selectors.audit_words(team)
    try:
        since, until = (date.fromisoformat(chosen[day]) if day in chosen else None for day in FILTERS[2:])
    except ValueError as error:
        page = AuditPage(team, [], actions, actors, chosen, "", problem=f"{error}; write a day as 2026-11-21")
        return render(request, "accounts/audit.html", {"page": page}, status=422)
    rows = selectors.audit_list(
        team, actor=chosen.get("actor", ""), action=chosen.get("action", ""), since=since, until=until
    )
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    shown = list(rows[: PAGE_ROWS + 1])
    more = len(shown) > PAGE_ROWS
    older = urlencode({**chosen, "before": str(shown[PAGE_ROWS - 1].pk)}) if more else ""
    page = AuditPage(team, shown[:PAGE_ROWS], actions, actors, chosen, older)
    return render(request, "accounts/audit.html", {"page": page})
