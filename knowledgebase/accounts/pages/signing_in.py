"""Signing in and out, and joining by invitation. It knows nothing of what a person owns."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from knowledgebase.accounts import services
from knowledgebase.accounts.models import Invitation, Team
from knowledgebase.core.errors import Problem

BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignInForm(AuthenticationForm):
    """Django's own, in the words of these pages."""

    def get_invalid_login_error(self) -> ValidationError:
        words = "This name and this password do not belong together; capital letters count in both."
        return ValidationError(words, code="invalid_login")


@dataclass(frozen=True)
class SignInPage:
    form: AuthenticationForm
    next: str


@dataclass(frozen=True)
class InvitationPage:
    """`invitation` None: the link is not open."""

    invitation: Invitation | None
    username: str = ""
    email: str = ""
    problem: str = ""


def safe_next(request: HttpRequest, address: str) -> str:
    """Where to go on; only addresses of this hub."""
    safe = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if safe else "/"


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Name and password. Those who have a link need no password."""
    form = SignInForm(request, request.POST or None)
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


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Join a team: as who is signed in, else with a new account. A GET only asks."""
    found = services.invitation_of(secret)
    page = InvitationPage(
        found, request.POST.get("username", "").strip(), request.POST.get("email", "").strip()
    )
    if found is None:
        return render(request, "accounts/invitation.html", {"page": page}, status=410)
    if request.method == "GET":
        return render(request, "accounts/invitation.html", {"page": page})
    try:
        team = join(request, secret, page.username)
    except Problem as problem:
        page = replace(page, problem=problem.detail)
        return render(request, "accounts/invitation.html", {"page": page}, status=problem.status)
    messages.info(request, f"You are {found.role} of {team.name}.")
    return redirect("accounts:team", slug=team.slug)


def join(request: HttpRequest, secret: str, username: str) -> Team:
    """Accept for the signed-in person, or for an account that is made now; both or neither."""
    if request.user.is_authenticated:
        return services.accept_invitation(secret, request.user)
    with transaction.atomic():
        email = request.POST.get("email", "").strip()
        user = services.register(username, request.POST.get("password", ""), email)
        team = services.accept_invitation(secret, user)
    login(request, user, backend=BACKEND)
    return team
