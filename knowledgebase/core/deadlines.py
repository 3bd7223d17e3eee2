"""Reads that take too long end with a reason: a bound on each statement of a read, in both databases.

PostgreSQL counts itself (`statement_timeout`); SQLite is asked from time to time whether it should go on. What a
stream reads while it is sent has bounds of its own. A GET is bounded everywhere, a POST that only asks where its
method says so. It knows no view.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from knowledgebase.core.availability import RETRY_AFTER_S, away, is_away
from knowledgebase.core.errors import Problem

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
# How many steps of SQLite's machine pass between two looks at the clock: about a millisecond.
STEPS = 20_000
CANCELLED = "57014"  # PostgreSQL's name for a statement that was ended from outside
INTERRUPTED = "interrupted"  # SQLite's


def is_too_slow(error: BaseException) -> bool:
    """Whether a statement was ended because it took too long."""
    if not isinstance(error, OperationalError):
        return False
    return getattr(error.__cause__, "sqlstate", None) == CANCELLED or str(error) == INTERRUPTED


def too_slow() -> Problem:
    """What to say then. The question is at fault, so it is a 422 and not a failure of the hub."""
    detail = (
        f"the store looked for {settings.READ_TIMEOUT_S} s and had not found everything: a field of the filter or "
        "of the order has no index, so that each experience has to be looked at. Narrow it down by one that has "
        "(task, method, status, language_model, via, cause), or sort by a field that is kept sorted (score, "
        "seconds, memory, received, h.learning_rate, metrics.validation.accuracy and the like; docs/filters.md "
        "lists them)"
    )
    return Problem(422, "query_too_slow", "Takes too long", detail)


class ReadDeadline:
    """Middleware: bounds the statements of a GET; answers a page that ran into the bound, or found no database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        with bounded(settings.READ_TIMEOUT_S):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if request.path.startswith("/api/"):
            return None
        if is_away(error):
            away(error)  # says in the log why
            return _without_database()
        if not is_too_slow(error):
            return None
        found = too_slow()
        said = {"title": found.title, "detail": found.sentence}
        return render(request, "web/error.html", said, status=found.status)


def _without_database() -> HttpResponse:
    said = {
        "title": "The hub's database does not answer",
        "detail": f"It is away, or others write more than it can take. Load the page again in {RETRY_AFTER_S} s, and "
        "send what was not kept once more. The reason stands in the hub's log.",
    }
    answer = render(None, "web/failed.html", said, status=503)  # no request: no context processors
    answer["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def bounded_read(ask: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """For a method that answers a POST and only reads: bounds its statements as those of a GET."""

    @wraps(ask)
    def asked(*args: Given.args, **kwargs: Given.kwargs) -> Answer:
        with bounded(settings.READ_TIMEOUT_S):
            return ask(*args, **kwargs)

    return asked


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Each statement in this block ends after so many seconds, with an error that `is_too_slow` knows.

    A block within another has its own bound, shorter or longer; after it the outer one's holds again.
    """
    bound = _OnPostgres(seconds) if connection.vendor == "postgresql" else _OnSqlite(seconds)
    try:
        with connection.execute_wrapper(bound):
            yield
    finally:
        bound.lift()


class _OnPostgres:
    """Said at the first statement and taken back at the end, so that requests without one cost nothing."""

    def __init__(self, seconds: float) -> None:
        self.milliseconds = round(1000 * seconds)
        self.told: object = None

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if self.told is not connection.connection:
            self.told = connection.connection
            self._say(f"SET statement_timeout = {self.milliseconds}")
        return execute(sql, *rest)

    def lift(self) -> None:
        if self.told is not None and self.told is connection.connection:
            # In a transaction that failed, or over a connection that broke, nothing more can be said; the end of
            # either takes the setting back.
            with suppress(DatabaseError):
                self._say("RESET statement_timeout")
        for outer in connection.execute_wrappers:
            if isinstance(outer, _OnPostgres):
                outer.told = None  # it says its own again before its next statement

    @staticmethod
    def _say(sql: str) -> None:
        with connection.wrap_database_errors, connection.connection.cursor() as cursor:
            cursor.execute(sql)


class _OnSqlite:
    """Counted from the start of each statement; its rows come while they are read."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until = 0.0

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        self.until = time.monotonic() + self.seconds
        connection.connection.set_progress_handler(self._is_over, STEPS)
        return execute(sql, *rest)

    def _is_over(self) -> bool:
        return time.monotonic() > self.until

    def lift(self) -> None:
        if connection.connection is not None:
            connection.connection.set_progress_handler(None, 0)
