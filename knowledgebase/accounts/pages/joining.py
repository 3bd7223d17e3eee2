"""Accepting an invitation: with the account one has, or with a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from knowledgebase.accounts import selectors, services
from knowledgebase.accounts.models import Invitation, User
from knowledgebase.accounts.pages.session import BACKEND
from knowledgebase.core.errors import Problem


@dataclass(frozen=True)
class JoinPage:
    """``invitation`` is None when the link no longer works."""

    invitation: Invitation | None
    username: str = ""
    email: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """A GET only shows what the link is for: previews of chat programs must not use it up."""
    open_one = selectors.open_invitation(secret)
    if open_one is None:
        return render(request, "accounts/invitation.html", {"page": JoinPage(None)}, status=410)
    if request.method == "GET":
        return render(request, "accounts/invitation.html", {"page": JoinPage(open_one)})
    signed_in = cast(User, request.user) if request.user.is_authenticated else None
    name, email = request.POST.get("username", "").strip(), request.POST.get("email", "").strip()
    try:
        user = services.accept_invitation(
            secret, signed_in, username=name, password=request.POST.get("password", ""), email=email
        )
    except Problem as problem:
        shown = None if problem.status == 410 else open_one
        errors = {one.pointer: one.message for one in problem.fields}
        page = JoinPage(shown, name, email, errors)
        return render(request, "accounts/invitation.html", {"page": page}, status=problem.status)
    if signed_in is None:
        login(request, user, backend=BACKEND)
    messages.info(request, f"You are {open_one.role} of {open_one.team.name}.")
    return redirect("accounts:team", slug=open_one.team.slug)
