"""How a run ended, from the exception that ended it: a status and a cause, never the text of the exception."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

HOST_MEMORY = ("can't allocate memory", "not enough memory", "cannot allocate memory", "bad_alloc")
DEVICE_MEMORY = ("out of memory", "alloc_failed", "devmem allocation failed")
NO_BATCH_FITS = (
    "no executable batch size found"  # how `auto_find_batch_size` gives up, after the last one's error
)
DOWNLOAD = ("HfHubHTTPError", "RepositoryNotFoundError", "RevisionNotFoundError", "EntryNotFoundError")
DOWNLOAD_MORE = (
    "LocalEntryNotFoundError",
    "OfflineModeIsEnabled",
    "GatedRepoError",
    "ConnectionError",
    "SSLError",
)
MAX_CHAIN = 10


@dataclass(frozen=True)
class Outcome:
    """`outcome` of a record."""

    status: str
    phase: str | None = None
    cause: str | None = None
    stack: str | None = None
    step: int | None = None
    exception: str | None = None

    def as_record(self) -> dict[str, Any]:
        """The dict of the record's shape."""
        return asdict(self)


def classify(error: BaseException) -> tuple[str, str | None]:
    """Status and cause of an exception, the exceptions it came from included.

    An error whose cause is not known has None: it is kept and shown, but nothing is learnt from it.
    """
    for one in _chain(error):
        found = _memory(one) or _stop(one)
        if found is not None:
            return found
    for one in _chain(error):
        name = type(one).__name__
        if name in DOWNLOAD or name in DOWNLOAD_MORE:
            return "error", "download"
        if isinstance(one, OSError) and one.errno in (errno.ENOSPC, errno.EDQUOT):
            return "error", "disk"
    return "error", None


def _chain(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    for _ in range(MAX_CHAIN):
        if one is None:
            return
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def _memory(error: BaseException) -> tuple[str, str | None] | None:
    """On a CPU torch raises a plain RuntimeError, so its text decides; the text stays here."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return "oom", "host"
    if type(error).__name__ == "OutOfMemoryError":
        return "oom", "device"
    if not isinstance(error, (RuntimeError, OSError)):
        return None
    text = str(error).lower()
    if any(part in text for part in HOST_MEMORY):
        return "oom", "host"
    if any(part in text for part in DEVICE_MEMORY):
        return "oom", "device"
    return ("oom", None) if NO_BATCH_FITS in text else None


def _stop(error: BaseException) -> tuple[str, str | None] | None:
    if isinstance(error, KeyboardInterrupt):
        return "killed", "user"
    if type(error).__name__ == "TrialPruned":
        return "pruned", None
    return None


def from_exception(error: BaseException, phase: str | None, step: int | None) -> Outcome:
    """The outcome of a run that an exception ended: class name and stack fingerprint, no text."""
    status, cause = classify(error)
    name = type(error).__name__[:200]
    return Outcome(status, phase, cause, stack_fingerprint(error.__traceback__), step, name)


def stack_fingerprint(trace: TracebackType | None) -> str | None:
    """Fingerprint "sha256:..." over module and function of each frame: one for an error, on any machine."""
    if trace is None:
        return None
    frames = []
    while trace is not None:
        frame = trace.tb_frame
        frames.append(f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_name}")
        trace = trace.tb_next
    return "sha256:" + hashlib.sha256("\n".join(frames).encode("utf-8", "replace")).hexdigest()
