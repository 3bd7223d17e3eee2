"""One's API tokens: listed, made with scopes and an expiry and shown once, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from knowledgebase.accounts import selectors, services
from knowledgebase.accounts.models import ApiToken, Team, User
from knowledgebase.core.errors import FieldError, Problem

# What each scope lets a program do, in the words of the form.
SCOPE_WORDS = {
    "experiences:read": "read experiences, tasks, datasets and searches",
    "experiences:write": "send experiences",
    "searches:write": "upload datasets, launch and cancel searches",
    "federation": "exchange experiences between hubs",
    "admin": "everything, also what you may do as operator",
}
OPERATORS = ("federation", "admin")
LIVES = {"7": "a week", "30": "30 days", "90": "90 days", "365": "a year", "": "until it is revoked"}
DEFAULT_LIFE = "90"


@dataclass(frozen=True)
class TokenForm:
    """What stands in the form: kept when something in it is wrong."""

    name: str = ""
    scopes: tuple[str, ...] = ("experiences:read", "experiences:write")
    team: str = ""
    days: str = DEFAULT_LIFE


@dataclass(frozen=True)
class TokensPage:
    """``made`` is the text of a token that this very answer shows, and no other will."""

    tokens: list[ApiToken]
    teams: list[Team]
    scopes: Mapping[str, str]
    form: TokenForm
    lives: Mapping[str, str] = field(default_factory=lambda: LIVES)
    made: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """The list, and the form below it. A POST answers with the new token's text, once."""
    user = cast(User, request.user)
    if request.method == "GET":
        return _page(request, user, TokenForm())
    form = TokenForm(
        name=request.POST.get("name", "").strip(),
        scopes=tuple(request.POST.getlist("scopes")),
        team=request.POST.get("team", ""),
        days=request.POST.get("days", ""),
    )
    try:
        text = make_token(user, form)
    except Problem as problem:
        return _page(request, user, form, errors={one.pointer: one.message for one in problem.fields})
    return _page(request, user, TokenForm(), made=text)


def make_token(user: User, form: TokenForm) -> str:
    """The new token's text; Problem 422 with every wrong field."""
    teams = {team.slug: team for team in selectors.membership_teams(user)}
    checks = {
        "name": "" if form.name else "is empty; say which machine or program will use it",
        "scopes": _scope_error(user, form.scopes),
        "team": "" if form.team in teams else f"{form.team[:40]!r} is no team of yours",
        "days": "" if form.days in LIVES else f"{form.days[:20]!r} is not offered",
    }
    errors = [FieldError(name, message) for name, message in checks.items() if message]
    if errors:
        raise Problem(422, "invalid", "Invalid input", errors[0].message, errors)
    expires_at = timezone.now() + timedelta(days=int(form.days)) if form.days else None
    _, text = services.create_token(user, form.name, form.scopes, team=teams[form.team], expires_at=expires_at)
    return text


@require_POST
@login_required
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """End one of one's own tokens."""
    user = cast(User, request.user)
    token = selectors.token_list(user).filter(pk=token_id).first()
    if token is None:
        raise Http404
    services.revoke_token(token, actor=user)
    messages.info(request, f"Revoked: {token.name}. What uses it is refused from now on.")
    return redirect("accounts:tokens")


def offered(user: User) -> dict[str, str]:
    """The scopes that this person may give."""
    return {name: words for name, words in SCOPE_WORDS.items() if user.is_superuser or name not in OPERATORS}


def _scope_error(user: User, scopes: tuple[str, ...]) -> str:
    if not scopes:
        return "none is chosen; a token without a scope may do nothing"
    unknown = [scope for scope in scopes if scope not in offered(user)]
    return f"{unknown[0][:40]!r} is not offered to you" if unknown else ""


def _page(
    request: HttpRequest, user: User, form: TokenForm, made: str = "", errors: Mapping[str, str] | None = None
) -> HttpResponse:
    page = TokensPage(
        tokens=list(selectors.token_list(user)),
        teams=list(selectors.membership_teams(user)),
        scopes=offered(user),
        form=form,
        made=made,
        errors=errors or {},
    )
    return render(request, "accounts/tokens.html", {"page": page}, status=422 if errors else 200)
