"""What stands in a spool file: lines that know their own damage, and a header that says which process writes them.

Format 1: `[<bytes of the payload>,"<crc32, 8 hexadecimal digits>",<payload>]` and a line feed; every line is JSON. The
name of a machine is never written, only a digest. Knows no runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tunelore import __version__

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


def header() -> dict[str, Any]:
    """The first line of this process's file."""
    pid = os.getpid()
    head = {"kind": "spool", "format": FORMAT, "client": f"tunelore/{__version__}", "pid": pid}
    return {**head, "start": process_start(pid), "place": place()}


def place() -> str:
    """A digest of machine, boot and process namespace: within one place, a process number means one thing."""
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
