"""Requests to a hub and its answers; what goes wrong is a HubError. Knows addresses, no resource.

HubError
  HubUnreachable    no answer at all
  HubRefused        an answer with a reason: status, code, detail, errors
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlencode

from tunelore import __version__
from tunelore.sending.hub import NoRedirect, why
from tunelore.settings import is_address

API = "/api/v1/"
MOST_BYTES = 64 * 2**20
KEPT_ANSWERS = 256
PACK_ABOVE = 2_048
# Worth another try: the hub, or something in front of it, is busy or starting.
PASSING = frozenset({429, 502, 503, 504})
LONGEST_WAIT_S = 30.0


class HubError(Exception):
    """A hub could not be asked, or said no."""


class HubUnreachable(HubError):
    """No answer: the address, the network or the hub itself."""


class HubRefused(HubError):
    """The hub's reason. `code` is a stable word; `errors` name the wrong places of what was sent."""

    def __init__(self, status: int, problem: Mapping[str, Any], request_id: str = "") -> None:
        self.status = status
        self.code = str(problem.get("code") or "error")
        self.detail = str(problem.get("detail") or problem.get("title") or f"status {status}")
        self.errors = problem.get("errors") or []
        self.request_id = request_id
        super().__init__(f"{status} {self.code}: {self.detail}")


class Transport:
    """One hub, one token. `patience_s`: how long a passing failure is tried again; 0: never."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float = 30.0,
        patience_s: float = 30.0,
    ) -> None:
        self.url = known_url(url or os.environ.get("TUNELORE_URL", ""))
        self.timeout_s, self.patience_s = timeout_s, patience_s
        self._token = (token or os.environ.get("TUNELORE_TOKEN", "")).strip()
        self._opener = urllib.request.build_opener(NoRedirect)
        self._kept: OrderedDict[str, tuple[str, Any]] = OrderedDict()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """A JSON value. What the hub says is unchanged is taken from the last answer."""
        address = self.address(path, query)
        kept = self._kept.get(address)
        headers = {"If-None-Match": kept[0]} if kept else {}
        with self.open("GET", address, headers=headers) as answer:
            if answer.status == 304 and kept:
                return kept[1]
            value = self.value_of(answer)
            if tag := answer.headers.get("ETag"):
                self._kept[address] = (tag, value)
                while len(self._kept) > KEPT_ANSWERS:
                    self._kept.popitem(last=False)
            return value

    def post(
        self, path: str, body: Any, *, headers: Mapping[str, str] | None = None, again: bool = True
    ) -> Any:
        """Send JSON, packed where that helps. `again`: whether sending it twice does no harm."""
        data = json.dumps(body, allow_nan=False).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        if len(data) > PACK_ABOVE:
            data, sent["Content-Encoding"] = gzip.compress(data, 6), "gzip"
        with self.open("POST", self.address(path), data, sent, again=again) as answer:
            return self.value_of(answer)

    def delete(self, path: str) -> None:
        with self.open("DELETE", self.address(path)):
            pass

    def address(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """The whole address; lists become comma-separated, what is None or "" is left out."""
        given = {
            name: worded(value) for name, value in (query or {}).items() if value not in (None, "", (), [])
        }
        return self.url + API + path + (f"?{urlencode(given)}" if given else "")

    def open(
        self,
        method: str,
        address: str,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        again: bool = True,
    ) -> Any:
        """The open answer, to be closed by the caller. HubRefused for 400 and above, HubUnreachable for none."""
        if not address.startswith(self.url + "/"):
            raise HubError(f"{address[:200]!r} is not an address of {self.url}; the token stays here")
        until, wait = time.monotonic() + (self.patience_s if again else 0.0), 0.5
        while True:
            try:
                return self._once(method, address, data, headers or {})
            except HubUnreachable:
                pause = wait
                if time.monotonic() + pause > until:
                    raise
            except _Passing as passing:
                pause = max(wait, passing.retry_after_s)
                if time.monotonic() + pause > until:
                    raise passing.refused from None
            time.sleep(pause)
            wait = min(2 * wait, LONGEST_WAIT_S)

    def _once(self, method: str, address: str, data: bytes | None, headers: Mapping[str, str]) -> Any:
        sent = {"Accept": "*/*", "User-Agent": f"tunelore/{__version__}", **headers}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(address, data=data, headers=sent, method=method)
        try:
            return self._opener.open(request, timeout=self.timeout_s)
        except urllib.error.HTTPError as error:
            if error.code == 304:
                return error
            with error:
                refused = refusal(error.code, error.headers, error.read(MOST_BYTES))
            if error.code in PASSING:
                raise _Passing(refused, seconds_of(error.headers.get("Retry-After"))) from None
            raise refused from None
        except (OSError, http.client.HTTPException) as error:
            raise HubUnreachable(f"{self.url} does not answer: {why(error)}") from error

    @staticmethod
    def value_of(answer: BinaryIO) -> Any:
        """The JSON value of an open answer, None for an empty one; HubError for anything else."""
        data = answer.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise HubError(f"the answer is larger than {MOST_BYTES:,} bytes; ask for less, or export")
        try:
            return json.loads(data) if data else None
        except ValueError as error:
            raise HubError(f"the answer is no JSON; is this a TuneLore hub? {data[:80]!r}") from error


class _Passing(Exception):
    """A refusal that may be gone in a moment."""

    def __init__(self, refused: HubRefused, retry_after_s: float) -> None:
        super().__init__(str(refused))
        self.refused, self.retry_after_s = refused, retry_after_s


def refusal(status: int, headers: Any, body: bytes) -> HubRefused:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"detail": f"status {status} without a reason; is this a TuneLore hub?"}
    return HubRefused(status, problem, headers.get("X-Request-ID") or "")


def seconds_of(text: str | None) -> float:
    """Retry-After in seconds; 0 where it says nothing sensible."""
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else 0.0


def known_url(url: str) -> str:
    text = url.strip().rstrip("/")
    if not is_address(text):
        raise HubError(f"the hub's address is {text[:80]!r}; give http(s)://host, or set TUNELORE_URL")
    return text


def worded(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    return ",".join(str(one) for one in value)


def multipart(fields: Mapping[str, Any], files: Mapping[str, Path]) -> tuple[bytes, str]:
    """The body and its Content-Type. A list gives its field once for each value."""
    boundary = f"tunelore-{uuid.uuid4().hex}"
    parts: list[bytes] = []
    for name, value in fields.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            parts.append(_part(boundary, f'form-data; name="{name}"', str(one).encode()))
    for name, path in files.items():
        # A quotation mark or a line end in the name would end the header it stands in.
        shown = "".join(letter for letter in path.name if letter not in '"\\\r\n')
        disposition = f'form-data; name="{name}"; filename="{shown}"'
        parts.append(
            _part(boundary, disposition, path.read_bytes(), "Content-Type: application/octet-stream\r\n")
        )
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def _part(boundary: str, disposition: str, data: bytes, more: str = "") -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n{more}\r\n"
    return head.encode() + data + b"\r\n"
