"""Where files of the HF Hub are kept on this machine, and on what terms they are fetched.

It knows neither requests nor what a repository should hold. Start from `HubStore`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from automl.errors import SourceError

Kind = Literal["model", "dataset"]
COMMIT = re.compile(r"[0-9a-f]{40}")
_WORD = r"[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9])?"
REPO = re.compile(rf"{_WORD}(?:/{_WORD})?", re.ASCII)
REVISION = re.compile(r"[A-Za-z0-9][\w./+-]{0,199}", re.ASCII)
MAX_BYTES = 5 * 2**30
PARTS = ".parts"
POLL_S = 0.2


class Interrupted(Exception):
    """The caller does not want the files any more."""


@dataclass(frozen=True)
class HubStore:
    """Files are kept below `cache`; at most `max_bytes` are fetched of one repository.

    `wait_s` is the longest wait that the HF Hub may ask for, `pause_s` the first one after a failure.
    `go_on` is asked about twice a second while something takes long; its False ends it with Interrupted.
    """

    cache: str
    max_bytes: int = MAX_BYTES
    wait_s: float = 120.0
    pause_s: float = 1.0
    go_on: Callable[[], bool] = lambda: True

    @property
    def endpoint(self) -> str:
        """Where the HF Hub is: HF_ENDPOINT, else the public one."""
        return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")

    @property
    def token(self) -> str | Literal[False]:
        """What the operator gave this process. A token that lies in somebody's home folder is not taken."""
        return os.environ.get("HF_TOKEN", "").strip() or False

    def check(self) -> None:
        """Raise Interrupted when nobody waits for the files any more."""
        if not self.go_on():
            raise Interrupted

    def wait(self, seconds: float) -> None:
        """Sleep, in short steps."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(POLL_S, left))


def revision_is_plain(revision: str | None) -> bool:
    """Whether a branch, tag or commit is spelled so that it can stand in a URL and in a record."""
    return revision is None or (REVISION.fullmatch(revision) is not None and ".." not in revision)


def place(cache: str, kind: Kind, name: str, commit: str) -> Path:
    """The folder of one commit. It is there when all its files are there and were found good, and not before."""
    return Path(cache) / "hf" / f"{kind}s" / name.replace("/", "--") / commit


@contextlib.contextmanager
def staging(store: HubStore, final: Path) -> Iterator[Path]:
    """A folder to fetch into, for one process at a time; what lies there from an earlier try is continued.

    A repository that is refused leaves nothing; one whose transfer broke off keeps what has arrived.
    """
    parts = final.parent / PARTS
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_refused(error) from error
    with (parts / f"{final.name}.lock").open("a+") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                store.wait(POLL_S)
        folder = parts / final.name
        folder.mkdir(exist_ok=True)
        try:
            yield folder
        except SourceError as error:
            if error.code not in TEMPORARY:
                shutil.rmtree(folder, ignore_errors=True)
            raise


def publish(folder: Path, final: Path) -> None:
    """Make a complete folder visible, all at once."""
    try:
        os.replace(folder, final)
    except OSError as error:
        raise storage_refused(error) from error


#: Codes of what may go well when it is tried again later.
TEMPORARY = frozenset({"unreachable", "rate_limited", "cut", "offline", "no_storage"})


def storage_refused(error: OSError) -> SourceError:
    """The disk is full or closed."""
    return SourceError(
        "no_storage",
        None,
        f"files of the HF Hub cannot be stored here: {error.strerror or error}; tell the operator",
    )
