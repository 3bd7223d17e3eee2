"""Signing in and out, and the overview of one's account. It knows nothing of what a person owns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from knowledgebase.accounts import selectors, services
from knowledgebase.accounts.models import ApiToken, Membership, User

SHOWN_TOKENS = 5
BACKEND = "django.contrib.auth.backends.ModelBackend"


@dataclass(frozen=True)
class SignInPage:
    form: AuthenticationForm
    next: str


@dataclass(frozen=True)
class IndexPage:
    teams: list[Membership]
    tokens: list[ApiToken]
    is_operator: bool
    has_password: bool


def safe_next(request: HttpRequest, address: str) -> str:
    """Where to go on; only addresses of this hub."""
    safe = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if safe else "/"


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Name and password. Those who have a link need no password."""
    form = AuthenticationForm(request, request.POST or None)
    address = safe_next(request, request.POST.get("next") or request.GET.get("next") or "/")
    if request.method == "POST" and form.is_valid():
        user = form.get_user()
        login(request, user)
        services.audit(user, "sign_in", user.username)
        return redirect(address)
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/sign_in.html", {"page": SignInPage(form, address)}, status=status)


@require_http_methods(["GET", "POST"])
def login_link(request: HttpRequest, secret: str) -> HttpResponse:
    """A one-time link. A GET only asks: previews of chat programs must not use the link up."""
    if request.method == "GET":
        return render(request, "accounts/login_link.html")
    user = services.redeem_login_link(secret)
    if user is None:
        return render(request, "accounts/login_link.html", {"is_used": True}, status=410)
    login(request, user, backend=BACKEND)
    messages.info(request, f"You are signed in as {user.username}.")
    return redirect("/")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("accounts:sign-in")


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """One's teams, tokens and password."""
    user = cast(User, request.user)
    page = IndexPage(
        teams=list(selectors.membership_list(user)),
        tokens=list(selectors.token_list(user)[:SHOWN_TOKENS]),
        is_operator=user.is_superuser,
        has_password=user.has_usable_password(),
    )
    return render(request, "accounts/index.html", {"page": page})
