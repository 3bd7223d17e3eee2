"""Every request has an id, a line in the log and a place in the metrics; it knows nothing of what a view does."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from prometheus_client import Histogram

logger = logging.getLogger(__name__)
# What a proxy in front may have given; anything else could forge lines of a log.
GIVEN_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")
REQUEST_SECONDS = Histogram(
    "tunelore_request_seconds",
    "Seconds from the first middleware to the answer, of this process.",
    ["route", "method", "status"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_current: ContextVar[str] = ContextVar("request_id", default="")
_once: ContextVar[dict[object, Any] | None] = ContextVar("once", default=None)


def request_id() -> str:
    """The id of the request that is being answered here; "" outside of one."""
    return _current.get()


def once_a_request(key: object, look_up: Callable[[], Any]) -> Any:
    """What `look_up` says, asked once for each request and key; asked each time outside of one."""
    kept = _once.get()
    if kept is None:
        return look_up()
    if key not in kept:
        kept[key] = look_up()
    return kept[key]


class RequestIds:
    """Middleware: takes X-Request-ID from in front or makes one, gives it back, logs and measures the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        token = _current.set(given if GIVEN_ID.fullmatch(given) else uuid4().hex)
        # Only reads may rely on what was true a moment ago in the same request.
        once = _once.set({} if request.method in ("GET", "HEAD") else None)
        began = time.perf_counter()
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id()
            self._note(request, response, time.perf_counter() - began)
            return response
        finally:
            _once.reset(once)
            _current.reset(token)

    @staticmethod
    def _note(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        # The route and not the address: addresses hold ids, and a label for each would grow without bound.
        route = request.resolver_match.route if request.resolver_match else "none"
        method = request.method if request.method in METHODS else "other"
        REQUEST_SECONDS.labels(route, method, str(response.status_code)).observe(seconds)
        extra = {"route": route, "method": method, "status": response.status_code}
        level = logging.WARNING if response.status_code >= 500 else logging.INFO
        logger.log(
            level,
            "%s /%s %s in %.0f ms", method, route, response.status_code, 1000 * seconds,
            extra={**extra, "milliseconds": round(1000 * seconds, 1)},
        )  # fmt: skip


class AddRequestId(logging.Filter):
    """Gives each line of a log the id of its request, "-" outside of one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id() or "-"
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, request_id, and what a request's line adds."""

    EXTRA = ("route", "method", "status", "milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", "-"),
        }
        line |= {name: getattr(record, name) for name in self.EXTRA if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
