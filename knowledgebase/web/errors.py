"""Pages for what went wrong. Absent and forbidden share one text, so that nobody learns what exists."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "web/error.html", {"title": "The request is not well formed"}, status=400)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "web/error.html", {"title": "There is nothing here that you may see"}, status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(
        request, "web/error.html", {"title": "The form is too old; load the page again"}, status=403
    )


def failed(request: HttpRequest) -> HttpResponse:
    """Rendered with as little as possible: what broke may be the database or the session."""
    return render(None, "web/failed.html", status=500)  # no request: no context processors
