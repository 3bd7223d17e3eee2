"""Teams: who is in them, who may come, and what each role may do. It knows nothing of what a team owns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from knowledgebase.accounts import selectors, services
from knowledgebase.accounts.models import Invitation, Membership, Team, User
from knowledgebase.core.errors import Problem

ROLE_WORDS = {
    "owner": "decides who is in the team, and reads its log",
    "member": "adds experiences, datasets and searches",
    "viewer": "reads",
}


@dataclass(frozen=True)
class TeamPage:
    """A team as one of its people sees it; ``link`` is an invitation that this very answer shows."""

    team: Team
    role: str
    members: list[Membership]
    invitations: list[Invitation]
    link: str = ""
    problem: str = ""
    roles: tuple[tuple[str, str], ...] = tuple(ROLE_WORDS.items())

    @property
    def is_owner(self) -> bool:
        return self.role == Membership.Role.OWNER

    @property
    def is_personal(self) -> bool:
        return self.team.personal_of_id is not None


@require_POST
@login_required
def create(request: HttpRequest) -> HttpResponse:
    name = request.POST.get("name", "").strip()
    try:
        team = services.create_team(name, owner=cast(User, request.user))
    except Problem as problem:
        messages.error(request, problem.detail if name else "The team needs a name.")
        return redirect("accounts:index")
    return redirect("accounts:team", slug=team.slug)


@require_GET
@login_required
def detail(request: HttpRequest, slug: str) -> HttpResponse:
    return render_team(request, found(request, slug))


@never_cache
@require_POST
@login_required
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Make an invitation; the answer shows its link, and no other ever will."""
    own = found(request, slug)
    try:
        _, path = services.invite(
            own.team,
            request.POST.get("role", ""),
            actor=cast(User, request.user),
            note=request.POST.get("note", "").strip(),
        )
    except Problem as problem:
        return render_team(request, own, problem=problem.detail, status=problem.status)
    return render_team(request, own, link=request.build_absolute_uri(path))


def acting(action: Callable[..., str]) -> Callable[..., HttpResponse]:
    """A POST on a team that goes back to the team's page with what was done, or why it was not."""

    @require_POST
    @login_required
    @wraps(action)
    def view(request: HttpRequest, slug: str, **keys: Any) -> HttpResponse:
        own = found(request, slug)
        try:
            done = action(request, own.team, cast(User, request.user), **keys)
        except Problem as problem:
            if problem.status == 404:
                raise Http404(problem.detail) from problem
            return render_team(request, own, problem=problem.detail, status=problem.status)
        messages.info(request, done)
        still_in = selectors.team_detail(cast(User, request.user), slug) is not None
        return redirect("accounts:team", slug=slug) if still_in else redirect("accounts:index")

    return view


@acting
def change_role(request: HttpRequest, team: Team, actor: User, user_id: int) -> str:
    changed = services.change_role(team, user_id, request.POST.get("role", ""), actor=actor)
    return f"{changed.user.username} is now {changed.role} of {team.name}."


@acting
def remove(request: HttpRequest, team: Team, actor: User, user_id: int) -> str:
    gone = services.remove_member(team, user_id, actor=actor)
    return f"{gone.username} is no longer in {team.name}; the tokens for it have ended."


@acting
def revoke_invitation(request: HttpRequest, team: Team, actor: User, invitation_id: int) -> str:
    services.revoke_invitation(team, invitation_id, actor=actor)
    return "The invitation is revoked; its link works no more."


def found(request: HttpRequest, slug: str) -> Membership:
    own = selectors.team_detail(cast(User, request.user), slug)
    if own is None:
        raise Http404
    return own


def render_team(
    request: HttpRequest, own: Membership, link: str = "", problem: str = "", status: int = 200
) -> HttpResponse:
    is_owner = own.role == Membership.Role.OWNER
    page = TeamPage(
        team=own.team,
        role=own.role,
        members=list(selectors.member_list(own.team)),
        invitations=list(selectors.invitation_list(own.team)) if is_owner else [],
        link=link,
        problem=problem,
    )
    return render(request, "accounts/team.html", {"page": page}, status=status)
