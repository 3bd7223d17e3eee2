"""Appends one process's lines to its own file. Knows nothing of what they say; only its own process may use it."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

from tunelore import trouble
from tunelore.record import uuid7
from tunelore.spool.format import encode, header


class SpoolWriter:
    """The file is made with its first line; a full disk or a read-only folder is counted, never raised."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{int(time.time() * 1000):013d}-{os.getpid()}-{uuid7()[-8:]}.jsonl"
        self._file: int | None = None
        self._headed = False
        self._broken = False
        self._lock = threading.RLock()

    def append(self, payload: dict[str, Any], *, durable: bool = False) -> bool:
        """Whether the whole line is on disk (`durable`: past the system's caches)."""
        with self._lock:
            try:
                line = encode(payload)
                if self._file is None:
                    self._file = self._open()
                if not self._headed:
                    line = encode(header()) + line
                # A line that was cut off is closed first, so that only it is lost.
                self._write(self._file, (b"\n" if self._broken else b"") + line)
                self._headed = True
            except (OSError, ValueError, TypeError) as error:
                _cannot(error)
                return False
        return self.flush() if durable else True

    def flush(self) -> bool:
        """Whether every line so far is past the system's caches; without that lines survive their process only."""
        with self._lock:
            try:
                if self._file is not None:
                    _to_disk(self._file)
            except OSError as error:
                _cannot(error)
                return False
            return True

    def close(self) -> None:
        """Close the file; a later line opens it again."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _open(self) -> int:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        file = os.open(self.path, flags, 0o600)
        if not self._headed:
            _folder_to_disk(self.path.parent)
        return file

    def _write(self, file: int, data: bytes) -> None:
        """All of it or OSError; a system may take a part and say why only when asked for the rest."""
        self._broken = True
        while data:
            written = os.write(file, data)
            data = data[written:]
        self._broken = False


def _cannot(error: Exception) -> None:
    trouble.note(
        "spool",
        f"cannot write to the spool folder: {error}; runs are kept in memory for the hub only: make room there, or "
        "name another folder in TUNELORE_SPOOL",
    )


def _to_disk(file: int) -> None:
    """Past the system's caches; some network file systems cannot say so and are taken at their word."""
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def _folder_to_disk(folder: Path) -> None:
    """A new file is there after a power loss only when its folder was written too; not every system can."""
    try:
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
    except OSError:
        return
