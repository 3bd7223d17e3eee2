"""Taking an experience back: from some of those who see it, or for good. First what that does, then the word.

What it does is the services'; this only shows and asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from knowledgebase.accounts.models import User
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import selectors, services
from knowledgebase.experiences.models import Experience

SEEN_BY = {
    Experience.Visibility.PRIVATE: "its owner alone",
    Experience.Visibility.TEAM: "the members of its team",
    Experience.Visibility.HUB: "everybody with an account on this hub",
    Experience.Visibility.PUBLIC: "everybody with an account on this hub, and every hub that this one gives to",
}


@dataclass(frozen=True)
class TakingBackPage:
    """One experience, who sees it now, and what may be asked for."""

    experience: Experience
    now: str
    choices: list[tuple[str, str]] = field(default_factory=list)
    duplicates: list[UUID] = field(default_factory=list)
    problem: str = ""


@require_http_methods(["GET", "POST"])
@login_required
def withdraw(request: HttpRequest, experience_id: UUID) -> HttpResponse:
    """Let fewer people see it. 404 for what one may not see, 403 for what is somebody else's."""

    def done(user: User) -> HttpResponse:
        wanted = request.POST.get("visibility", "")
        services.narrow_experience(experience_id, wanted, actor=user)
        seen_by = SEEN_BY[Experience.Visibility(wanted)]
        messages.info(request, f"Taken back: visible to {seen_by}.")
        return redirect("experiences:detail", experience_id=experience_id)

    return asked(request, experience_id, "experiences/withdraw.html", done)


@require_http_methods(["GET", "POST"])
@login_required
def delete(request: HttpRequest, experience_id: UUID) -> HttpResponse:
    """Delete it for good. 404 for what one may not see, 403 for what is somebody else's."""

    def done(user: User) -> HttpResponse:
        services.delete_experience(experience_id, actor=user, reason=request.POST.get("reason", "").strip())
        messages.info(request, f"Deleted experience {str(experience_id)[-8:]} for good.")
        return redirect("experiences:index")

    return asked(request, experience_id, "experiences/delete.html", done)


def asked(
    request: HttpRequest, experience_id: UUID, template: str, done: Callable[[User], HttpResponse]
) -> HttpResponse:
    """A GET shows what would happen; a POST with the tick does it, or shows again with what stood against it."""
    user, problem, status = cast(User, request.user), "", 200
    try:
        row = selectors.experience_detail(user, experience_id)
    except Problem as refusal:
        raise Http404(refusal.detail) from refusal
    if not services.may_share(row, user):
        said = {"title": "Not yours", "detail": "This experience belongs to somebody else."}
        return render(request, "web/error.html", said, status=403)
    if request.method == "POST":
        try:
            if request.POST.get("seen") != "yes":
                detail = "nothing was changed: tick that you have read what happens"
                raise Problem(422, "not_confirmed", "Not confirmed", detail)
            return done(user)
        except Problem as refusal:
            problem, status = refusal.sentence, refusal.status
    page = page_of(user, row, problem)
    return render(request, template, {"page": page}, status=status)


def page_of(user: User, row: Experience, problem: str) -> TakingBackPage:
    now = Experience.Visibility(row.visibility)
    narrower = [(str(one), words) for one, words in SEEN_BY.items() if one.width < now.width]
    if row.owner_id is None:
        # Without an owner nobody would see it any more, which is what deleting is for.
        narrower = [one for one in narrower if one[0] != Experience.Visibility.PRIVATE]
    return TakingBackPage(row, SEEN_BY[now], narrower, selectors.duplicates_of(user, row), problem)
