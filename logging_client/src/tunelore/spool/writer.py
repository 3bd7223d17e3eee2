"""Appends one process's lines to its own file. Knows nothing of what they say; only its own process may use it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

from tunelore import __version__, trouble
from tunelore.record import uuid7
from tunelore.spool.lines import FORMAT, encode
from tunelore.spool.place import place, process_start


class SpoolWriter:
    """The file is made with its first line; a full disk or a read-only folder is counted, never raised."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{int(time.time() * 1000):013d}-{os.getpid()}-{uuid7()[-8:]}.jsonl"
        self._file: int | None = None
        self._broken = False
        self._lock = threading.RLock()

    def append(self, payload: dict[str, Any], *, durable: bool = False) -> bool:
        """Whether the whole line is on disk (`durable`: past the system's caches)."""
        with self._lock:
            try:
                if self._file is None:
                    self._file = self._open()
                # A line that was cut off is closed first, so that only it is lost.
                line = (b"\n" if self._broken else b"") + encode(payload)
                self._broken = os.write(self._file, line) != len(line)
                if self._broken:
                    raise OSError("the disk took only a part of the line")
                if durable:
                    os.fsync(self._file)
            except (OSError, ValueError, TypeError) as error:
                self._broken = self._file is not None
                trouble.note(
                    "spool",
                    f"cannot write to the spool folder: {error}; runs are kept in memory for the hub only: make room "
                    "there, or name another folder in TUNELORE_SPOOL",
                )
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
        new = not self.path.exists()
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        if new:
            pid = os.getpid()
            head = {"kind": "spool", "format": FORMAT, "client": f"tunelore/{__version__}", "pid": pid}
            os.write(file, encode({**head, "start": process_start(pid), "place": place()}))
        return file
