"""Requests to a hub, its answers, and which records of a batch are done with by them.

Never raises, never follows a redirect, waits for nothing but the answer and writes nothing. Start with `deliver`.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from tunelore import __version__
from tunelore.record import RecordError, canonical
from tunelore.spool.outbox import Parcel

EXPERIENCES = "/api/v1/experiences/"
RUNS = "/api/v1/runs/"
ABOUT = "/api/v1/about/"
TIMEOUT_S = 15.0
WHOLE_S = 60.0
MAX_ANSWER = 4_000_000
MAX_RETRY_AFTER_S = 3600.0
MAX_BATCH = 25
MAX_BATCH_BYTES = 1_500_000
DELIVERED, DROPPED, REJECTED, KEPT = "delivered", "dropped", "rejected", "kept"
# Only these, said of the record itself, mean that sending it again is no use.
REFUSALS = (400, 409, 413, 422)
# Of a whole request they may be a proxy's; these words in the hub's own problem document are about what was sent.
OWN_CODES = ("malformed_json", "invalid", "invalid_record", "other_content", "other_owner")


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
    """A hub's address with a token. `visibility`: who may see what is sent, where what is sent does not say it."""

    def __init__(self, url: str, token: str | None = None, visibility: str | None = None) -> None:
        self.url = url
        self._visibility = visibility
        self._token = token
        self._opener = urllib.request.build_opener(NoRedirect)

    def post(
        self, path: str, body: bytes, timeout_s: float = TIMEOUT_S, visibility: str | None = None
    ) -> Answer:
        """Send JSON bytes; every failure is an Answer."""
        if visibility := visibility or self._visibility:
            path += f"?visibility={visibility}"
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
            return Answer(0, reason=why(error))


def why(error: Exception) -> str:
    """What went wrong below HTTP, and what to do where that is not plain."""
    found = getattr(error, "reason", error)
    text = getattr(found, "strerror", None) or f"{type(found).__name__}: {found}".removesuffix(": ")
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


@dataclass
class Report:
    """What became of each parcel of a batch; `wait_s` is what the hub asked for; `reason` why some were kept."""

    verdicts: list[tuple[Parcel, str, dict[str, Any]]] = field(default_factory=list)
    wait_s: float | None = None
    reason: str = ""
    status: int = 0

    def of(self, verdict: str) -> list[tuple[Parcel, dict[str, Any]]]:
        """The parcels with this verdict and the answers that led to it."""
        return [(parcel, answer) for parcel, found, answer in self.verdicts if found == verdict]


def batches(parcels: Sequence[Parcel]) -> list[list[tuple[Parcel, bytes]]]:
    """The parcels with their canonical bytes, cut so that no request is too large or of two visibilities."""
    found: list[list[tuple[Parcel, bytes]]] = []
    size = MAX_BATCH_BYTES + 1
    for parcel in parcels:
        try:
            body = canonical(parcel.record)
        except RecordError:
            body = b'{"id":"%b"}' % parcel.id.encode(
                "ascii", "replace"
            )  # the hub's refusal will say what is wrong
        full = size + len(body) > MAX_BATCH_BYTES or len(found[-1]) >= MAX_BATCH
        if full or found[-1][0][0].visibility != parcel.visibility:
            found.append([])
            size = 0
        found[-1].append((parcel, body))
        size += len(body)
    return found


def deliver(hub: Hub, batch: Sequence[tuple[Parcel, bytes]], timeout_s: float = TIMEOUT_S) -> Report:
    """Send one batch; when the hub refuses it as a whole, each record by itself."""
    body = b"[" + b",".join(body for _, body in batch) + b"]"
    answer = hub.post(EXPERIENCES, body, timeout_s, batch[0][0].visibility)
    report = Report(wait_s=answer.retry_after_s, status=answer.status)
    if len(batch) == 1 and _is_hubs_refusal(answer):
        report.verdicts.append((batch[0][0], REJECTED, _told(answer.status, answer.body)))
        return report
    if len(batch) > 1 and answer.status in REFUSALS:
        for one in batch:
            _merge(report, deliver(hub, [one], timeout_s))
        return report
    items = _items(answer) if 200 <= answer.status < 300 else None
    if items is None:
        report.reason = reason_of(answer)
        report.verdicts = [(parcel, KEPT, {}) for parcel, _ in batch]
        return report
    for number, (parcel, _) in enumerate(batch):
        item = items.get(parcel.id.lower()) or items.get(f"#{number}") or {}
        status = _status(item)
        verdict = DELIVERED if parcel.is_guess and _is_known_better(item) else _verdict(status)
        report.verdicts.append((parcel, verdict, _told(status, item)))
    if report.of(KEPT):
        report.reason = "the hub did not say what became of every record"
    return report


def _is_hubs_refusal(answer: Answer) -> bool:
    """Whether the hub itself refuses what it was sent, and sending it again is no use."""
    body = answer.body if isinstance(answer.body, dict) else {}
    code = body.get("code")
    ours = code in OWN_CODES and body.get("type") == f"urn:tunelore:problem:{code}"
    return ours and answer.status in REFUSALS and answer.status != 413


def _merge(report: Report, other: Report) -> None:
    report.verdicts += other.verdicts
    report.wait_s = max((wait for wait in (report.wait_s, other.wait_s) if wait is not None), default=None)
    report.reason = report.reason or other.reason


def _items(answer: Answer) -> dict[str, Mapping[str, Any]] | None:
    """The answer's items by id and by place; None where this is not a hub's answer (a log-in page, for example)."""
    found = (
        answer.body.get("results", answer.body.get("items")) if isinstance(answer.body, dict) else answer.body
    )
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        return None
    items: dict[str, Mapping[str, Any]] = {}
    for number, item in enumerate(found):
        items[f"#{number}"] = item
        if isinstance(item.get("id"), str):
            items[item["id"].lower()] = item
    return items


def _status(item: Mapping[str, Any]) -> int:
    status = item.get("status")
    return status if isinstance(status, int) else 0


def _verdict(status: int) -> str:
    if status in (200, 201):
        return DELIVERED
    if status == 410:
        return DROPPED
    return REJECTED if status in REFUSALS else KEPT


def _is_known_better(item: Mapping[str, Any]) -> bool:
    """The hub has what the run said of itself, so nobody needs the guess of another process."""
    problem = item.get("problem")
    return _status(item) == 409 and isinstance(problem, dict) and problem.get("code") == "other_content"


def _told(status: int, body: Any) -> dict[str, Any]:
    return {"status": status, "body": body if isinstance(body, (dict, list)) else None}


def reason_of(answer: Answer) -> str:
    """Why an answer that is about no single record keeps all of them, and what to do about it."""
    if answer.status == 0:
        return f"no answer ({answer.reason})"
    if answer.status in (401, 403):
        return f"the hub answered {answer.status}: give TUNELORE_TOKEN a valid token with the scope experiences:write"
    if 300 <= answer.status < 400:
        return f"the hub answered {answer.status}, a redirect: give its final address as TUNELORE_URL"
    if answer.status < 300:
        return f"the answer {answer.status} is not a hub's: give TUNELORE_URL the address of a TuneLore hub"
    return f"the hub answered {answer.status}"
