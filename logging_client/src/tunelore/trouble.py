"""Our own errors: counted, said once a kind, never raised into training. Knows nothing of what went wrong."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from types import TracebackType

logger = logging.getLogger("tunelore")
counts: Counter[str] = Counter()
MAX_SAID = 600
told = "TuneLore: %s: %s. Training is not affected; further ones are only counted."
raise_errors = False  # tests set this: silence in production would else be silence there too
_lock = threading.RLock()  # re-entrant, because a signal handler may run while its own thread holds it


def note(kind: str, what: object) -> None:
    """Count one trouble; the first of its kind is logged as a warning."""
    with _lock:
        counts[kind] += 1
        first = counts[kind] == 1
    if first:
        logger.warning(told, kind, one_line(what))


def one_line(what: object) -> str:
    """What a server or an exception said cannot write more than a line, nor to the terminal."""
    text = " ".join(str(what).split())
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:MAX_SAID]


def renew_lock() -> None:
    """In a child that was forked off while a thread of its parent held the lock."""
    global _lock
    _lock = threading.RLock()


class quietly:
    """A block whose errors are counted under `kind` and swallowed; KeyboardInterrupt and SystemExit pass."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        note(self.kind, f"{type(error).__name__}: {error}")
        return not raise_errors
