"""One HTTP request to a hub and its answer; never follows a redirect, never raises. Knows no spool."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from tunelore import __version__

EXPERIENCES = "/api/v1/experiences/"
RUNS = "/api/v1/runs/"
ABOUT = "/api/v1/about/"
TIMEOUT_S = 15.0
WHOLE_S = 60.0
MAX_ANSWER = 4_000_000
MAX_RETRY_AFTER_S = 3600.0


@dataclass(frozen=True)
class Answer:
    """`status` 0: no answer, `reason` says why; `body` is the JSON value, None where it is none.

    `date` is the hub's clock, in seconds since 1970, where it tells it.
    """

    status: int
    body: Any = None
    retry_after_s: float | None = None
    reason: str = ""
    date: float | None = None


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes to the address it was given for and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Hub:
    """A hub's address with a token."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self._token = token
        self._opener = urllib.request.build_opener(NoRedirect)

    def post(self, path: str, body: bytes, timeout_s: float = TIMEOUT_S) -> Answer:
        """Send JSON bytes; every failure is an Answer."""
        return self._ask("POST", path, body, timeout_s)

    def get(self, path: str, timeout_s: float = TIMEOUT_S) -> Answer:
        """Ask for JSON; every failure is an Answer."""
        return self._ask("GET", path, None, timeout_s)

    def _ask(self, method: str, path: str, body: bytes | None, timeout_s: float) -> Answer:
        headers = {"Accept": "application/json", "User-Agent": f"tunelore/{__version__}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
            with self._opener.open(request, timeout=timeout_s) as response:
                return _answer(response.status, response.headers, _read(response))
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.headers, _read(error))
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Answer(0, reason=_why(error))


def _why(error: Exception) -> str:
    """What went wrong below HTTP, and what to do where that is not plain."""
    found = getattr(error, "reason", error)
    text = f"{type(error).__name__}: {found}"
    if isinstance(found, ssl.SSLCertVerificationError):
        text += (
            "; if the hub's certificate is your own authority's, name its file in SSL_CERT_FILE, "
            "and see that this machine's clock is right"
        )
    return text


def _read(response: Any) -> bytes:
    """The body, as far as it comes within a minute: a server may send one byte at a time."""
    until = time.monotonic() + WHOLE_S
    parts: list[bytes] = []
    size = 0
    try:
        while (part := response.read1(65_536)) and size < MAX_ANSWER:
            parts.append(part)
            size += len(part)
            if time.monotonic() > until:
                break
    except (OSError, http.client.HTTPException):
        return b""
    return b"".join(parts)


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    date = _moment(headers.get("Date"))
    return Answer(status, value, _retry_after(headers.get("Retry-After"), date), date=date)


def _moment(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _retry_after(text: str | None, date: float | None) -> float | None:
    """Seconds from a number or a date, between 0 and an hour; None where nothing sensible is said.

    A date is one of the hub's clock, which may be hours off ours.
    """
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        moment = _moment(text)
        if moment is None:
            return None
        seconds = moment - (time.time() if date is None else date)
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if seconds == seconds else None
