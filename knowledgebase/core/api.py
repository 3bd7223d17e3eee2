"""What every API view shares: problem details, pages by cursor, scopes; bodies and ETags stand in files of their own.

It knows nothing of what a view is about. Errors leave as application/problem+json (RFC 9457), always.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions, status
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from knowledgebase.core.availability import RETRY_AFTER_S, away, is_away
from knowledgebase.core.bodies import BoundedJSONParser, NDJSONParser, UnreadableLine
from knowledgebase.core.conditional import conditional
from knowledgebase.core.deadlines import is_too_slow, too_slow
from knowledgebase.core.errors import FieldError, Problem
from knowledgebase.core.requests import request_id

if TYPE_CHECKING:
    # rest_framework.views reads the settings that name this file, so it cannot be imported by it.
    from rest_framework.views import APIView

__all__ = [
    "ApiProblems",
    "BoundedJSONParser",
    "CursorPages",
    "HasScope",
    "NDJSONParser",
    "UnreadableLine",
    "as_problem",
    "conditional",
    "problem_handler",
    "problem_response",
    "standard",
]
API_PREFIX = "/api/"
PROBLEM_TYPE = "application/problem+json"
WHOLE = "non_field_errors"
TITLES = {
    400: ("bad_request", "Bad request"),
    401: ("not_authenticated", "Not authenticated"),
    403: ("forbidden", "Forbidden"),
    404: ("not_found", "Not found"),
    405: ("method_not_allowed", "Method not allowed"),
    406: ("not_acceptable", "Not acceptable"),
    413: ("too_large", "Too large"),
    415: ("unsupported_media_type", "Unsupported media type"),
    429: ("too_many_requests", "Too many requests"),
    500: ("internal_error", "Internal error"),
}
RETRY = {503: {"Retry-After": str(RETRY_AFTER_S)}}


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """A problem as an answer of its own, for places outside REST framework."""
    body = json.dumps(problem.document())
    headers = {**RETRY.get(problem.status, {}), **(headers or {})}
    return HttpResponse(body, status=problem.status, content_type=PROBLEM_TYPE, headers=headers)


def problem_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's exception handler: every known error as problem details; the rest is ours to mend (500)."""
    problem = as_problem(error)
    if problem is None:
        return None
    problem.detail = in_place(error, context) or problem.detail
    headers = dict(RETRY.get(problem.status, {}))
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    return Response(problem.document(), status=problem.status, content_type=PROBLEM_TYPE, headers=headers)


def as_problem(error: Exception) -> Problem | None:
    if isinstance(error, Problem):
        return error
    if is_too_slow(error):
        return too_slow()
    if is_away(error):
        return away(error)
    if isinstance(error, Http404):
        return standard(404, "there is nothing here that you may see")
    if isinstance(error, PermissionDenied):
        return standard(403, str(error) or "you may not do this")
    if isinstance(error, RequestDataTooBig):
        return standard(
            413, f"the body is larger than {settings.MAX_BODY_BYTES:,} bytes; send less at a time"
        )
    if isinstance(error, exceptions.ValidationError):
        fields = field_errors(error.detail)
        detail = "; ".join(f"{field.pointer}: {field.message}" for field in fields[:5])
        return Problem(400, "invalid", "Invalid input", detail, fields)
    if isinstance(error, exceptions.APIException):
        return standard(error.status_code, str(error.detail))
    return None


def in_place(error: Exception, context: Mapping[str, Any]) -> str:
    """What REST framework says in general words, said of this request and address; "" for the rest."""
    view, request = context.get("view"), context.get("request")
    if view is None or request is None:
        return ""
    if isinstance(error, exceptions.NotAuthenticated):
        return (
            "say who you are: Authorization: Bearer <token>. The account page makes tokens, and so does "
            "manage.py create_token"
        )
    if isinstance(error, exceptions.MethodNotAllowed):
        return f"{request.method} is not answered here; use one of {', '.join(view.allowed_methods)}"
    if isinstance(error, exceptions.UnsupportedMediaType):
        read = ", ".join(parser.media_type for parser in view.parser_classes)
        return f"a body with Content-Type {request.content_type[:80]!r} is not read here; send {read}"
    if isinstance(error, exceptions.NotAcceptable):
        sent = ", ".join(str(renderer.media_type) for renderer in view.renderer_classes)
        return f"Accept: {request.headers.get('Accept', '')[:80]} is not to be had here; ask for {sent}"
    return ""


def standard(number: int, detail: str) -> Problem:
    """The problem that belongs to an HTTP status."""
    code, title = TITLES.get(number, ("error", "Error"))
    return Problem(number, code, title, detail)


def field_errors(detail: object, pointer: str = "") -> list[FieldError]:
    """REST framework's nested errors, flat, with JSON pointers."""
    if isinstance(detail, Mapping):
        # What concerns the whole stands under a name of REST framework's own, which is no place in the body.
        pairs = [(pointer if key == WHOLE else f"{pointer}/{key}", value) for key, value in detail.items()]
        return [field for where, value in pairs for field in field_errors(value, where)]
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        nested = any(isinstance(value, Mapping) for value in detail)
        pairs = [(f"{pointer}/{index}" if nested else pointer, value) for index, value in enumerate(detail)]
        return [field for where, value in pairs for field in field_errors(value, where)]
    return [FieldError(pointer or "/", str(detail))]


class ApiProblems:
    """Middleware: below /api/, what fails outside a view (unknown address, a bug) is a problem document too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # No name, id or text of ours holds a NUL, and PostgreSQL refuses to look for one.
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return self._told(request, standard(400, "the address holds a NUL character"))
        response = self.get_response(request)
        is_api = request.path.startswith(API_PREFIX)
        if is_api and response.status_code == status.HTTP_301_MOVED_PERMANENTLY:
            # A client that followed the redirect would turn its POST into a GET.
            return problem_response(
                standard(404, f"write the address with a slash at its end: {request.path}/")
            )
        is_html = response.get("Content-Type", "").startswith("text/html")
        if not is_api or response.status_code < 400 or not is_html:
            return response
        details = {
            404: f"there is nothing at {request.path[:200]}",
            500: f"the hub failed; the error is in its log, request id {request_id()}",
        }
        code = response.status_code
        return problem_response(standard(code, details.get(code, TITLES.get(code, ("", "Error"))[1])))

    def _told(self, request: HttpRequest, problem: Problem) -> HttpResponse:
        if request.path.startswith(API_PREFIX):
            return problem_response(problem)
        return HttpResponse(problem.detail, status=problem.status, content_type="text/plain")

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not request.path.startswith(API_PREFIX):
            return None
        problem = as_problem(error)
        if problem is None and isinstance(error, SuspiciousOperation):
            problem = standard(400, "the request is not well formed")
        return problem_response(problem) if problem else None


class HasScope(BasePermission):
    """A token may do what its scopes say; a signed-in person what their rights say.

    A view names its scopes by method: ``scopes = {"GET": "experiences:read", "POST": "experiences:write"}``.
    A method that names none is closed to tokens.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else str(request.method)
        if method in view.allowed_methods:  # a method that does not exist is answered as such
            require_scope(request, getattr(view, "scopes", {}).get(method))
        return True


def require_scope(request: Request, needed: str | None) -> None:
    """Problem 403 for a token without this scope; None: for every token but those with `admin`."""
    granted = getattr(request.auth, "scopes", None)
    if granted is None or "admin" in granted or needed in granted:
        return
    detail = (
        f"the token lacks the scope {needed or 'admin'!r}; it has {', '.join(granted) or 'none'}. "
        "Make a token with it, on the account page or by manage.py create_token --scopes ..."
    )
    raise Problem(403, "missing_scope", "Missing scope", detail)


class CursorPages(CursorPagination):
    """Pages by cursor, newest change first: as fast at the end of the list as at its beginning."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering = "-change_seq"

    def get_page_size(self, request: Request) -> int:
        """From ``limit``; Problem 400 for anything but 1 to ``max_page_size``."""
        text = request.query_params.get(self.page_size_query_param or "", "")
        if not text:
            return self.page_size
        most = self.max_page_size
        if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= most):
            detail = f"limit: {text[:20]!r} is not a whole number from 1 to {most}"
            raise Problem(400, "invalid_limit", "Invalid limit", detail, [FieldError("limit", detail)])
        return int(text)

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """One page. A cursor that this list did not give out is a Problem 400, whatever stands in it."""
        self.request = request
        try:
            return super().paginate_queryset(queryset, request, view)
        except (exceptions.NotFound, ValidationError, ValueError, OverflowError) as error:
            detail = "the cursor is not one of this list; take it from 'next' or 'previous' of an answer"
            raise Problem(400, "invalid_cursor", "Invalid cursor", detail) from error

    def get_paginated_response(self, data: Any) -> Response:
        """The page with its ETag; 304 for who has it already."""
        whole = super().get_paginated_response(data).data
        return conditional(self.request, whole)
