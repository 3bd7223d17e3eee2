"""One's own account: teams, tokens, password, address; and the log of changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from knowledgebase.accounts import selectors, services
from knowledgebase.accounts.models import SCOPES, ApiToken, AuditEntry, Membership, User
from knowledgebase.core.errors import Problem

FILTERS = ("actor", "action", "team", "since", "until")
PAGE_ROWS = 100
# What each scope lets a token do, in the order of the form.
SCOPE_WORDS = {
    "experiences:write": "send experiences",
    "experiences:read": "read experiences, tasks, searches",
    "searches:write": "upload datasets, launch searches",
    "federation": "exchange with other hubs",
    "admin": "everything its owner may do",
}


@dataclass(frozen=True)
class AccountPage:
    """`secret` is a token's text, shown this once."""

    memberships: list[Membership]
    tokens: list[ApiToken]
    scopes: list[tuple[str, str, bool]]
    secret: str = ""
    problem: str = ""


@dataclass(frozen=True)
class AuditPage:
    """The entries that fit `chosen`; `query` is `chosen` as the address has it."""

    entries: Page[AuditEntry]
    actions: list[str]
    actors: list[str]
    teams: list[tuple[str, str]]
    chosen: dict[str, str]
    query: str
    problem: str = ""


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """One's teams and tokens."""
    return render(request, "accounts/index.html", {"page": account_page(cast(User, request.user))})


def account_page(
    user: User,
    *,
    secret: str = "",
    problem: str = "",
    chosen: tuple[str, ...] = ("experiences:write", "experiences:read"),
) -> AccountPage:
    tokens = (
        ApiToken.objects.filter(owner=user, revoked_at=None).select_related("team").order_by("-created_at")
    )
    memberships = Membership.objects.filter(user=user).select_related("team").order_by("team__name")
    scopes = [(name, SCOPE_WORDS[name], name in chosen) for name in offered_scopes(user)]
    return AccountPage(list(memberships), list(tokens), scopes, secret, problem)


def offered_scopes(user: User) -> list[str]:
    """The scopes that the person may give to a token, in the order of the form."""
    return [name for name in SCOPES if user.is_superuser or name not in services.OPERATORS]


@never_cache
@require_POST
@login_required
def create_token(request: HttpRequest) -> HttpResponse:
    """A new token, its text on this one page and nowhere else."""
    user = cast(User, request.user)
    scopes = tuple(request.POST.getlist("scopes"))
    try:
        team = selectors.team_of(user, request.POST.get("team", ""))
        if team is None or not team.membership_set.filter(user=user).exists():
            raise Problem(422, "unknown_team", "Unknown team", "choose one of your teams")
        services.require_offered(user, scopes)
        if not scopes or not request.POST.get("name", "").strip():
            raise Problem(422, "invalid", "Invalid input", "a token needs a name and at least one scope")
        expires = expiry(request.POST.get("days", "").strip())
        _, secret = services.create_token(
            user, request.POST["name"].strip(), scopes, team=team, expires_at=expires
        )
    except Problem as problem:
        page = account_page(user, problem=problem.detail, chosen=scopes)
        return render(request, "accounts/index.html", {"page": page}, status=problem.status)
    return render(request, "accounts/index.html", {"page": account_page(user, secret=secret)}, status=201)


def expiry(days: str) -> datetime | None:
    """So many days from now; None for "". Problem 422 for anything else than 1 to 3650."""
    if not days:
        return None
    if not (days.isascii() and days.isdigit() and 1 <= int(days[:5]) <= 3650):
        raise Problem(422, "invalid", "Invalid input", f"{days[:20]!r} is no number of days from 1 to 3650")
    return timezone.now() + timedelta(days=int(days))


@require_POST
@login_required
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    user = cast(User, request.user)
    token = ApiToken.objects.filter(owner=user, pk=pk).first()
    if token is None:
        messages.error(request, "There is no such token of yours.")
    else:
        services.revoke_token(token, actor=user)
        messages.info(request, f"{token.prefix}… ({token.name}) is revoked; nothing can use it any more.")
    return redirect("accounts:index")


@sensitive_post_parameters("password", "current")
@require_POST
@login_required
def set_password(request: HttpRequest) -> HttpResponse:
    """A new password; whoever has one proves that they know it."""
    user = cast(User, request.user)
    if not is_proven(request, user):
        return redirect("accounts:index")
    try:
        services.set_password(user, request.POST.get("password", ""))
        update_session_auth_hash(request, user)
        messages.info(request, "The password is set; other browsers have to sign in again.")
    except Problem as problem:
        messages.error(request, problem.detail)
    return redirect("accounts:index")


@sensitive_post_parameters("current")
@require_POST
@login_required
def set_email(request: HttpRequest) -> HttpResponse:
    """The address for lost passwords, or none; like a password, whoever has one proves that they know it."""
    user = cast(User, request.user)
    if not is_proven(request, user):
        return redirect("accounts:index")
    try:
        services.set_email(user, request.POST.get("email", "").strip())
        messages.info(request, "The address is set." if user.email else "The address is removed.")
    except Problem as problem:
        messages.error(request, problem.detail)
    return redirect("accounts:index")


def is_proven(request: HttpRequest, user: User) -> bool:
    """Whether the form holds the present password, where there is one; if not, the next page says so."""
    if not user.has_usable_password() or user.check_password(request.POST.get("current", "")):
        return True
    messages.error(request, "The present password is not this one; nothing was changed.")
    return False


@require_GET
@login_required
def audit_log(request: HttpRequest) -> HttpResponse:
    """Who changed what, as far as one may read it. The filters stand in the address."""
    rows = selectors.audit_list(cast(User, request.user))
    chosen = {name: request.GET[name][:160] for name in FILTERS if request.GET.get(name)}
    problem = ""
    try:
        days = {name: date.fromisoformat(chosen[name]) for name in ("since", "until") if name in chosen}
        shown = selectors.filtered_audit(
            rows,
            actor=chosen.get("actor", ""),
            action=chosen.get("action", ""),
            team=chosen.get("team", ""),
            since=days.get("since"),
            until=days.get("until"),
        )
    except ValueError as error:
        shown, problem = rows.none(), f"{error}; write a day as 2026-11-21"
    plain = rows.order_by()
    page = AuditPage(
        entries=Paginator(shown, PAGE_ROWS).get_page(request.GET.get("page")),
        actions=sorted(set(plain.values_list("action", flat=True))),
        actors=sorted(set(plain.exclude(actor=None).values_list("actor__username", flat=True))),
        teams=sorted(set(plain.exclude(team=None).values_list("team__slug", "team__name"))),
        chosen=chosen,
        query=urlencode(chosen),
        problem=problem,
    )
    return render(request, "accounts/audit.html", {"page": page}, status=422 if problem else 200)
