"""What a run costs this process: processor seconds and memory; and the limits it lives under. Knows no trainer."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tunelore.describe import devices

_STATUS = Path("/proc/self/status")


def memory_now() -> int | None:
    """Bytes of main memory this process holds just now; None where the system does not say."""
    return _from_status("VmRSS")


def memory_peak() -> int | None:
    """The most bytes this process ever held."""
    peak = _from_status("VmHWM")
    if peak is not None:
        return peak
    resource = _resource()
    if resource is None:
        return None
    used = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return used if sys.platform == "darwin" else used * 1024


def _from_status(name: str) -> int | None:
    try:
        match = re.search(
            rf"^{name}:\s+(\d+) kB", _STATUS.read_text(encoding="ascii", errors="replace"), re.M
        )
    except OSError:
        return None
    return int(match[1]) * 1024 if match else None


def device_memory_now() -> int | None:
    """Bytes torch holds just now on the fullest accelerator of this process; None where it uses none.

    Not the sum: what does not fit does not fit into one, and that one's memory is the limit.
    """
    return _on_devices("memory_allocated")


def device_memory_peak() -> int | None:
    """The most bytes torch ever held there."""
    return _on_devices("max_memory_allocated")


def _on_devices(counter: str) -> int | None:
    cuda: Any = getattr(sys.modules.get("torch"), "cuda", None)
    try:
        if cuda is None or not cuda.is_initialized():
            return None
        return max((int(getattr(cuda, counter)(index)) for index in range(cuda.device_count())), default=None)
    except (AttributeError, RuntimeError):
        return None


class MemoryOfARun:
    """The most memory that one run held, in a process that may have trained another one before."""

    def __init__(self, peak: Callable[[], int | None], now: Callable[[], int | None]) -> None:
        self._peak, self._now = peak, now
        self._before = peak()
        self._seen: int | None = None
        self.sample()

    def sample(self) -> None:
        """Remember what is held just now."""
        now = self._now()
        if now is not None and now > (self._seen or 0):
            self._seen = now

    def most(self) -> int | None:
        """The process's peak where this run raised it, else the most that was seen during the run."""
        peak = self._peak()
        if peak is not None and (self._before is None or peak > self._before):
            return peak
        return self._seen or peak


def limits(memory_limit_bytes: int | None, wall_limit_s: float | None) -> dict[str, Any]:
    """`limits` of a record: what the user says, else the process's own limit on data or address space."""
    return {
        "wall_s": wall_limit_s,
        "host_memory_bytes": memory_limit_bytes if memory_limit_bytes is not None else _resource_limit(),
        "device_memory_bytes": _device_memory(),
    }


def _resource_limit() -> int | None:
    resource = _resource()
    if resource is None:
        return None
    soft = [resource.getrlimit(getattr(resource, name))[0] for name in ("RLIMIT_DATA", "RLIMIT_AS")]
    known = [int(limit) for limit in soft if 0 < limit < 2**53 and limit != resource.RLIM_INFINITY]
    return min(known, default=None)


def _device_memory() -> int | None:
    """Of the accelerators that hold something the smallest one's, as far as this process may fill it."""
    cuda: Any = getattr(sys.modules.get("torch"), "cuda", None)
    try:
        if cuda is None or not cuda.is_initialized():
            return None
        used = [index for index in range(cuda.device_count()) if cuda.max_memory_allocated(index)]
        share = getattr(cuda, "get_per_process_memory_fraction", lambda _: 1.0)  # of torch 2.8
        return min(
            int(cuda.get_device_properties(index).total_memory * share(index))
            for index in used or [cuda.current_device()]
        )
    except (AttributeError, RuntimeError):
        return None


def devices_met(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Of the facts of a run what its accelerators add, which a script may begin to use after its start."""
    found: dict[str, Any] = {}
    limits, features = facts.get("limits"), (facts.get("system") or {}).get("features")
    memory = _device_memory() if limits else None
    if limits and memory not in (None, limits.get("device_memory_bytes")):
        found["limits"] = {**limits, "device_memory_bytes": memory}
    if features and not features.get("devices") and (seen := devices(waken=False)):
        found["system"] = {**facts["system"], "features": {**features, "devices": seen}}
    return found


def _resource() -> Any:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    return resource


class ThreadTime:
    """Processor seconds that our own threads used, to be taken off the run's."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._before = 0.0

    def update(self) -> None:
        """Called by the thread itself; counts what it used since its last call."""
        now = time.thread_time()
        self.seconds += now - self._before
        self._before = now
