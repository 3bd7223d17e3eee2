"""Memory and processor time of a process, from /proc; None where the system does not say."""

from __future__ import annotations

import os
import resource
import sys

SLACK = 1.5


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
    """A wall well behind the limit: what would pass it at one blow fails to be allocated.

    RLIMIT_DATA counts reserved memory, of which allocators and libraries hold much that they never touch: a run
    with 1.1 GiB resident was seen with 2.1 GiB reserved. So the limit itself is kept by the parent, which watches
    the resident memory; this one stands at SLACK times the limit, on top of what is idle at this moment.
    """
    reserved, resident = status_bytes("VmData"), status_bytes("RssAnon")
    idle = max(0, (reserved or 0) - (resident or 0))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wall = int(SLACK * limit) + idle
    soft = wall if hard == resource.RLIM_INFINITY else min(wall, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
