"""Pages for what went wrong. Absent and forbidden share one text, so that nobody learns what exists."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    detail = (
        "The hub could not read what the browser sent. Nothing was changed; load the page and try once more."
    )
    return _page(request, 400, "The request is not well formed", detail)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    detail = (
        "The address may be mistyped, what stood here may be deleted, or it is of a team that you are not in."
    )
    return _page(request, 404, "There is nothing here that you may see", detail)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    detail = (
        "Nothing was changed. Go back, load the page again and send the form once more; the browser has to accept "
        "cookies of this hub."
    )
    return _page(request, 403, "The form is too old", detail)


def _page(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponse:
    return render(request, "web/error.html", {"title": title, "detail": detail}, status=status)


def failed(request: HttpRequest) -> HttpResponse:
    """Rendered with as little as possible: what broke may be the database or the session."""
    return render(None, "web/failed.html", status=500)  # no request: no context processors
