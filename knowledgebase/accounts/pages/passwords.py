"""A lost password, and the one-time link by which a new one is set; mail or the operator brings it."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from knowledgebase.accounts import selectors, services
from knowledgebase.core.errors import Problem


@dataclass(frozen=True)
class PasswordPage:
    """Whose password is set; ``errors`` by field."""

    name: str
    errors: dict[str, str]


@dataclass(frozen=True)
class ForgotPage:
    has_mail: bool
    is_sent: bool


@require_http_methods(["GET", "POST"])
def forgot_password(request: HttpRequest) -> HttpResponse:
    """Ask for a link by mail. The answer is the same for every name, so that nobody learns who is here."""
    is_sent = request.method == "POST" and settings.MAIL_IS_SET_UP
    if is_sent:
        base = settings.PUBLIC_URL or request.build_absolute_uri("/")
        services.mail_reset_link(request.POST.get("name", "").strip()[:254], base)
    page = ForgotPage(has_mail=settings.MAIL_IS_SET_UP, is_sent=is_sent)
    return render(request, "accounts/forgot.html", {"page": page})


@never_cache
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "POST"])
def reset_password(request: HttpRequest, secret: str) -> HttpResponse:
    """Set a password by a one-time link; a wrong try does not use the link up."""
    user = selectors.open_reset_link(secret)
    if user is None:
        return render(request, "accounts/reset.html", {"page": None}, status=410)
    errors: dict[str, str] = {}
    if request.method == "POST":
        errors = _unequal(request)
        if not errors:
            try:
                done = services.reset_password(secret, request.POST["password"])
            except Problem as problem:
                errors = {one.pointer: one.message for one in problem.fields}
            else:
                if done is None:  # somebody used it between the look and the write
                    return render(request, "accounts/reset.html", {"page": None}, status=410)
                messages.info(request, "The password is set. Sign in with it.")
                return redirect("accounts:sign-in")
    page = PasswordPage(user.username, errors)
    return render(request, "accounts/reset.html", {"page": page}, status=422 if errors else 200)


def _unequal(request: HttpRequest) -> dict[str, str]:
    if request.POST.get("password", "") == request.POST.get("again", ""):
        return {}
    return {"again": "is not the same as the one above"}
