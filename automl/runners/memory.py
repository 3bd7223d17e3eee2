"""Memory and processor time of a process, from /proc; None where the system does not say."""

from __future__ import annotations

import os
import resource
import sys

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def status_bytes(field: str, pid: int | str = "self") -> int | None:
    """One field of /proc/<pid>/status in bytes, for example VmRSS, VmHWM or VmData."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith(f"{field}:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    return None


def cpu_seconds(pid: int) -> float | None:
    """User and system time of another process so far."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def peak_bytes() -> int:
    """The most resident memory this process ever had."""
    known = status_bytes("VmHWM")
    if known is not None:
        return known
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def limit_memory(limit: int) -> None:
    """Let this process have about `limit` bytes of its own memory; what is beyond fails to be allocated.

    RLIMIT_DATA counts reserved memory, of which libraries hold much that they never touch; what is reserved but
    not resident at this moment is therefore allowed on top. So the limit speaks of resident memory.
    """
    reserved, resident = status_bytes("VmData"), status_bytes("RssAnon")
    idle = max(0, (reserved or 0) - (resident or 0))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = limit + idle if hard == resource.RLIM_INFINITY else min(limit + idle, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
