"""What the HF Hub answers: a repository's files at a commit, and why there are none. It stores nothing.

Every way to fail becomes one SourceError with what to do; `hub:` names are never tried with a token that the
operator did not give.
"""

from __future__ import annotations

import contextlib
import email.utils
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from automl.errors import SourceError
from automl.sources.hub.store import COMMIT, HubStore, Kind

TRIES = 5
TIMEOUT_S = 20.0
AGAIN = frozenset({408, 429, 500, 502, 503, 504})
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class RemoteFile:
    """One file; `sha256` for those in large-file storage, `git_sha1` (of the git object) for all others."""

    path: str
    size: int
    sha256: str | None
    git_sha1: str | None


@dataclass(frozen=True)
class RemoteRepo:
    """A repository at one commit."""

    kind: Kind
    name: str
    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def spelled(self) -> str:
        return f"hub:{self.name}"

    def file(self, path: str) -> RemoteFile | None:
        return next((file for file in self.files if file.path == path), None)


def look_up(store: HubStore, kind: Kind, name: str, revision: str | None) -> RemoteRepo:
    """The files of a repository at the commit that `revision` (a branch, tag or commit; the default branch when
    absent) means now."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=store.endpoint, token=store.token, library_name="tunelore")

    def ask() -> Any:
        return api.repo_info(name, repo_type=kind, revision=revision, files_metadata=True, timeout=TIMEOUT_S)

    info = patiently(store, kind, name, ask)
    commit = str(info.sha or "")
    if COMMIT.fullmatch(commit) is None:
        raise SourceError(
            "malformed", _field(kind), f"{store.endpoint} named no commit of {name!r}; is it an HF Hub?"
        )
    files = tuple(_remote_file(one) for one in info.siblings or ())
    return RemoteRepo(kind, name, commit, files)


def _remote_file(found: Any) -> RemoteFile:
    large = found.lfs
    size = large.size if large is not None else found.size
    return RemoteFile(
        path=str(found.rfilename),
        size=int(size or 0),
        sha256=str(large.sha256) if large is not None else None,
        git_sha1=str(found.blob_id) if large is None and found.blob_id else None,
    )


def patiently(store: HubStore, kind: Kind, name: str, ask: Callable[[], Answer]) -> Answer:
    """The answer, asked for again where that may help, after the wait that the HF Hub asks for."""
    for attempt in range(1, TRIES + 1):
        store.check()
        try:
            with failures_in_words(store, kind, name):
                return ask()
        except SourceError as error:
            wait = pause_before_retry(store, error, attempt)
            if wait is None:
                raise
        store.wait(wait)
    raise AssertionError("the last attempt returns or raises")


def pause_before_retry(store: HubStore, error: SourceError, attempt: int) -> float | None:
    """Seconds to wait before another attempt; None when it would be no use."""
    if error.code not in {"unreachable", "rate_limited", "cut"} or attempt >= TRIES:
        return None
    asked = _asked_wait(error.__cause__)
    if asked is not None:
        return asked if asked <= store.wait_s else None
    return float(min(store.pause_s * 2 ** (attempt - 1), store.wait_s))


def _asked_wait(error: BaseException | None) -> float | None:
    """Retry-After of an answer, in seconds."""
    response = getattr(error, "response", None)
    value = str(response.headers.get("Retry-After", "")).strip() if response is not None else ""
    if value.isascii() and value.isdigit():
        return float(value)
    moment = email.utils.parsedate_to_datetime(value) if value.endswith("GMT") else None
    return max(0.0, moment.timestamp() - time.time()) if moment is not None else None


@contextlib.contextmanager
def failures_in_words(store: HubStore, kind: Kind, name: str) -> Iterator[None]:
    """The errors of huggingface_hub and of its HTTP client as SourceError."""
    import httpx2
    from huggingface_hub import errors

    field = _field(kind)
    where = f"{kind.replace('model', 'language model')} {name!r} on {store.endpoint}"
    try:
        yield
    except errors.GatedRepoError as error:
        raise SourceError("gated", field, _gated(store, kind, name)) from error
    except errors.RevisionNotFoundError as error:
        message = f"{where} has no such branch, tag or commit; leave it out for the newest"
        raise SourceError("unknown_revision", field, message) from error
    except errors.RepositoryNotFoundError as error:
        message = (
            f"there is no {where}, or it is private. Check the spelling (owner/name); for a private one "
        )
        message += "the operator gives the workers a token (HF_TOKEN)"
        raise SourceError(f"unknown_{field}", field, message) from error
    except errors.OfflineModeIsEnabled as error:
        message = f"cannot ask for {where}: HF_HUB_OFFLINE is set on this worker"
        raise SourceError("offline", field, message) from error
    except errors.HfHubHTTPError as error:
        raise _refused_answer(field, where, error) from error
    except (httpx2.TransportError, TimeoutError) as error:
        message = (
            f"cannot reach the HF Hub at {store.endpoint} for {name!r} ({type(error).__name__}). Try again "
        )
        message += "later, or set HF_ENDPOINT to one that this machine can reach"
        raise SourceError("unreachable", field, message) from error


def _refused_answer(field: str, where: str, error: Any) -> SourceError:
    status = int(error.response.status_code)
    if status == 429:
        asked = _asked_wait(error)
        wait = f"asks to wait {asked:.0f} s" if asked is not None else "asks to wait"
        message = f"the HF Hub has had too many requests and {wait} for {where}; try again later"
        return SourceError("rate_limited", field, message)
    if status in AGAIN:
        return SourceError("unreachable", field, f"the HF Hub answers {status} for {where}; try again later")
    if status in (401, 403):
        message = (
            f"the HF Hub forbids {where} ({status}); the token of the workers (HF_TOKEN) may not read it"
        )
        return SourceError("forbidden", field, message)
    return SourceError("refused", field, f"the HF Hub answers {status} for {where}")


def _gated(store: HubStore, kind: Kind, name: str) -> str:
    page = f"{store.endpoint}/{'datasets/' if kind == 'dataset' else ''}{name}"
    message = (
        f"{name!r} is gated: its owner lets only approved accounts read it. Accept its terms at {page}; "
    )
    return message + "then the operator gives the workers that account's token (HF_TOKEN)"


def _field(kind: Kind) -> str:
    return "language_model" if kind == "model" else "dataset"
