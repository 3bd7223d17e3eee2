"""What an exception of a run means: its status and cause, and a fingerprint of where it came from."""

from __future__ import annotations

import errno
import hashlib
import traceback
from pathlib import Path
from typing import Any

from automl.errors import AutomlError
from automl.values import PRUNED

HOST_MEMORY = (
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "bad_alloc",
    "bad allocation",
)
# What these messages name is a choice of the pipeline that does not fit the data, not a fault of the runner.
UNFIT = ("empty vocabulary", "no terms remain", "after pruning", "least populated class", "min_df")


class Diverged(Exception):
    """The training loss or the score is not finite."""


class Pruned(Exception):
    """The curve will not reach the front of the search; `why` says by which rule, as JSON data."""

    def __init__(self, why: dict[str, Any]) -> None:
        super().__init__(f"stopped by the rule {why['rule']!r}")
        self.why = why


class Unfit(Exception):
    """The pipeline is complete but cannot be trained on such rows: its own fault, not the data's."""


def classify(error: BaseException) -> tuple[str, str | None]:
    """(status, cause) of the record. A plain RuntimeError of torch may mean that memory ran out."""
    text = str(error).lower()
    if isinstance(error, Pruned):
        return PRUNED, str(error.why["rule"])
    if isinstance(error, Diverged):
        return "diverged", "loss"
    if type(error).__name__ == "OutOfMemoryError" or "cuda out of memory" in text:
        return "oom", "device"
    if isinstance(error, MemoryError) or any(words in text for words in HOST_MEMORY):
        return "oom", "host"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "error", "disk"
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return "oom", "host"
    if isinstance(error, AutomlError):
        return "error", "data"
    if isinstance(error, Unfit) or any(words in text for words in UNFIT):
        return "error", "config"
    return "error", None


def fingerprint(error: BaseException) -> str:
    """SHA-256 over file names and functions of the stack: equal for the same failure, without its text."""
    frames = [
        f"{Path(frame.filename).name}:{frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    return "sha256:" + hashlib.sha256("\n".join([type(error).__name__, *frames]).encode()).hexdigest()
