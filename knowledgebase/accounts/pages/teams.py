"""Teams: who is in one, who comes, who goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from knowledgebase.accounts import selectors, services
from knowledgebase.accounts.models import Membership, Team, User
from knowledgebase.core.errors import Problem

ROLES = (
    ("owner", "decides who is in the team, publishes and deletes, reads the log of the team"),
    ("member", "adds experiences, datasets and searches"),
    ("viewer", "reads"),
)


@dataclass(frozen=True)
class TeamPage:
    """`link` is an invitation, shown this once."""

    team: Team
    members: list[Membership]
    own_role: str
    decides: bool
    is_personal: bool
    open_invitations: int
    roles: tuple[tuple[str, str], ...] = ROLES
    link: str = ""


def found(request: HttpRequest, slug: str) -> Team:
    team = selectors.team_of(cast(User, request.user), slug)
    if team is None:
        raise Http404
    return team


def team_page(request: HttpRequest, team: Team, link: str = "") -> TeamPage:
    user = cast(User, request.user)
    return TeamPage(
        team=team,
        members=list(selectors.members_of(team)),
        own_role=selectors.role_in(user, team.pk) or "",
        decides=selectors.is_team_owner(user, team.pk),
        is_personal=team.personal_of_id is not None,
        open_invitations=sum(one.is_open for one in team.invitations.all()),
        link=link and request.build_absolute_uri(link),
    )


@require_GET
@login_required
def team(request: HttpRequest, slug: str) -> HttpResponse:
    """Members, and what an owner may do."""
    return render(request, "accounts/team.html", {"page": team_page(request, found(request, slug))})


@require_POST
@login_required
def create_team(request: HttpRequest) -> HttpResponse:
    try:
        made = services.create_team(
            request.POST.get("name", "").strip()[:160], owner=cast(User, request.user)
        )
    except Problem as problem:
        messages.error(request, problem.detail)
        return redirect("accounts:index")
    return redirect("accounts:team", slug=made.slug)


@never_cache
@require_POST
@login_required
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """A link for one person, on this one page and nowhere else."""
    here, actor = found(request, slug), cast(User, request.user)
    try:
        link = services.invite(here, actor=actor, role=request.POST.get("role", "member"))
    except Problem as problem:
        messages.error(request, problem.detail)
        return redirect("accounts:team", slug=slug)
    return render(request, "accounts/team.html", {"page": team_page(request, here, link)}, status=201)


@require_POST
@login_required
def withdraw(request: HttpRequest, slug: str) -> HttpResponse:
    def act(here: Team, actor: User) -> str:
        count = services.withdraw_invitations(here, actor=actor)
        return f"{count} open invitation{'' if count == 1 else 's'} withdrawn."

    return _decided(request, slug, act)


@require_POST
@login_required
def change_role(request: HttpRequest, slug: str) -> HttpResponse:
    def act(here: Team, actor: User) -> str:
        user, role = _person(request, here), request.POST.get("role", "")
        services.change_role(here, user, role, actor=actor)
        return f"{user.username} is {role} now."

    return _decided(request, slug, act)


@require_POST
@login_required
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Take somebody out, or leave."""

    def act(here: Team, actor: User) -> str:
        user = _person(request, here)
        services.remove_member(here, user, actor=actor)
        return f"{user.username} is no longer in {here.name}; what they sent stays."

    return _decided(request, slug, act)


def _person(request: HttpRequest, here: Team) -> User:
    member = (
        here.membership_set.select_related("user").filter(user__username=request.POST.get("user", "")).first()
    )
    if member is None:
        raise Problem(404, "not_found", "Not found", "there is no such member")
    return member.user


def _decided(request: HttpRequest, slug: str, act: Callable[[Team, User], str]) -> HttpResponse:
    """Do it, say what was done or why not, and go back to where one may still look."""
    here, actor = found(request, slug), cast(User, request.user)
    try:
        messages.info(request, act(here, actor))
    except Problem as problem:
        messages.error(request, problem.detail)
    if selectors.team_of(actor, slug) is None:
        return redirect("accounts:index")
    return redirect("accounts:team", slug=slug)
