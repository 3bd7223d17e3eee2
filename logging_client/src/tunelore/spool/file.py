"""One process's spool file: lines that know their own damage, a header that says who writes, and the writer of them.

Format 1: `[<bytes of the payload>,"<crc32, 8 hexadecimal digits>",<payload>]` and a line feed; every line is JSON. The
name of a machine is never written, only a digest. Knows no runs.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import platform
import re
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from tunelore import __version__, trouble
from tunelore.record import uuid7

FORMAT = 1
MAX_LINE = 4_000_000
_MARKS = ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")
_LINE = re.compile(rb'\[(\d{1,9}),"([0-9a-f]{8})",(\{.*\})\]\r?\n?', re.DOTALL)


def encode(payload: dict[str, Any]) -> bytes:
    """The line of a payload, line feed included; ValueError for NaN and Infinity."""
    text = json.dumps(payload, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")
    return b'[%d,"%08x",%b]\n' % (len(text), zlib.crc32(text), text)


def decode(line: bytes) -> dict[str, Any] | None:
    """The payload, None for a line that is cut off or damaged."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    text = match[3]
    if len(text) != int(match[1]) or zlib.crc32(text) != int(match[2], 16):
        return None
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def read_lines(file: BinaryIO) -> Iterator[dict[str, Any] | None]:
    """Every line's payload, None for each damaged one; never a line above 4 MB in memory."""
    while line := file.readline(MAX_LINE):
        if line.strip():
            yield decode(line)


def header(visibility: str | None = None) -> dict[str, Any]:
    """The first line of this process's file."""
    pid = os.getpid()
    head = {"kind": "spool", "format": FORMAT, "client": f"tunelore/{__version__}", "pid": pid}
    return {**head, "start": process_start(pid), "place": place(), "visibility": visibility}


def place() -> str:
    """A digest of machine, boot and process namespace: within one place, a process number means one thing."""
    return _place_of(os.getpid())  # a child may live in another namespace


@lru_cache(maxsize=1)
def _place_of(_process: int) -> str:
    marks = [_text(Path(path)) for path in _MARKS]
    try:
        marks.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        marks.append("" if any(marks) else platform.node())
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:32]


def process_start(pid: int) -> str | None:
    """When the process started, in the kernel's own ticks; a number that is used again has another start."""
    text = _text(Path(f"/proc/{pid}/stat"))
    fields = text.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return None  # gone, or dead and not yet collected by its parent
    return fields[19]


def lives(pid: int, start: str | None) -> bool | None:
    """Whether that very process still runs here; None where the system does not say."""
    if Path("/proc/self/stat").exists():
        found = process_start(pid)
        return found is not None and (start is None or found == start)
    if sys.platform == "win32":
        return None  # to ask by a signal would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return None
    return None  # the number may be another's by now


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


class SpoolWriter:
    """The file is made with its first line; a full disk or a read-only folder is counted, never raised."""

    def __init__(self, folder: Path, visibility: str | None = None) -> None:
        self._visibility = visibility
        self.path = folder / f"{int(time.time() * 1000):013d}-{os.getpid()}-{uuid7()[-8:]}.jsonl"
        self._file: int | None = None
        self._headed = False
        self._broken = False
        self._lock = threading.RLock()
        self.until = math.inf  # of time.monotonic(): who waits for another thread's write gives up then

    @contextmanager
    def _alone(self) -> Iterator[None]:
        left = max(0.0, self.until - time.monotonic())
        if not self._lock.acquire(timeout=min(left, threading.TIMEOUT_MAX)):
            raise TimeoutError(errno.ETIMEDOUT, "the disk does not answer")
        try:
            yield
        finally:
            self._lock.release()

    def append(self, payload: dict[str, Any], *, durable: bool = False) -> bool:
        """Whether the whole line is on disk (`durable`: past the system's caches)."""
        try:
            line = encode(payload)
            with self._alone():
                if self._file is None:
                    self._file = self._open()
                if not self._headed:
                    line = encode(header(self._visibility)) + line
                # A line that was cut off is closed first, so that only it is lost.
                self._write(self._file, (b"\n" if self._broken else b"") + line)
                self._headed = True
        except (OSError, ValueError, TypeError) as error:
            _cannot(error)
            return False
        return self.flush() if durable else True

    def flush(self) -> bool:
        """Whether every line so far is past the system's caches; without that lines survive their process only."""
        try:
            with self._alone():
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
        f"cannot write to the spool folder: {error}; make room there, or name another one in TUNELORE_SPOOL",
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
