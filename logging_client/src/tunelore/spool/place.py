"""Which process wrote a spool file and whether it still lives. Host names are never written, only a digest."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_MARKS = ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")


def place() -> str:
    """A digest of machine, boot and process namespace: within one place, a process number means one thing."""
    marks = [_text(Path(path)) for path in _MARKS]
    try:
        marks.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        marks.append("")
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:32]


def process_start(pid: int) -> str | None:
    """When the process started, in the kernel's own ticks; a number that is used again has another start."""
    text = _text(Path(f"/proc/{pid}/stat"))
    fields = text.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return None  # gone, or dead and not yet collected by its parent
    return fields[19]


def lives(pid: int, start: str | None) -> bool:
    """Whether that very process still runs here."""
    if Path("/proc/self/stat").exists():
        found = process_start(pid)
        return found is not None and (start is None or found == start)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
