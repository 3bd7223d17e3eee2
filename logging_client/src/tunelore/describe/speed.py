"""How fast this machine computes and how it is used just now, so that times can be compared later.

Knows nothing of the run that is timed. Measures with torch where it is imported, else with numpy, else not at
all.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

HOST_SIZE = 384  # 0.1 GFLOP a product: 2 ms on one slow core, and past the caches that would flatter it
DEVICE_SIZE = 2048
SECONDS = 0.06
_measured: dict[tuple[str, int], float | None] = {}


def device_speed(
    threads: int | None = None, device: str = "cpu", *, seconds: float = SECONDS
) -> float | None:
    """Speed of matrix products in FLOP/s (float32), > 0; None where neither torch nor numpy can be had.

    The fastest of the products of so many `seconds`, so that other work on the machine disturbs little. `threads` are
    those of the measurement (default: as they are set; numpy does not let itself be told). Measured once a
    process, device and number of threads.
    """
    key = (device, threads or 0)
    if key not in _measured:
        _measured[key] = _measure(device, threads, seconds)
    return _measured[key]


def conditions(
    threads: int | None = None, device: str | None = None, *, measure: bool = True, seconds: float = SECONDS
) -> dict[str, Any]:
    """`conditions` of a record: threads, load (runnable processes, last minute), device, its speed.

    The speed is measured for so many `seconds`, where `measure` says so.
    """
    used = device or "cpu"
    return {
        "threads": threads if threads is not None else current_threads(),
        "load": _load(),
        "device": used,
        "device_speed": device_speed(threads, used, seconds=seconds) if measure else None,
    }


def current_threads() -> int:
    """Threads that torch computes with, else the cores this process may use."""
    torch: Any = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        return int(torch.get_num_threads())
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> float | None:
    try:
        return round(os.getloadavg()[0], 3)
    except (AttributeError, OSError):
        return None


def _measure(device: str, threads: int | None, seconds: float) -> float | None:
    try:
        torch: Any = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "get_num_threads"):
            return _with_torch(torch, device, threads, seconds)
        if device != "cpu":
            return None
        numpy: Any = importlib.import_module("numpy")
        square = numpy.ones((HOST_SIZE, HOST_SIZE), dtype=numpy.float32)
        return _fastest(lambda: square @ square, HOST_SIZE, seconds)
    except (ImportError, RuntimeError, MemoryError):
        return None


def _with_torch(torch: Any, device: str, threads: int | None, seconds: float) -> float:
    size = HOST_SIZE if device == "cpu" else DEVICE_SIZE
    before = torch.get_num_threads()
    with torch.inference_mode():
        square = torch.ones((size, size), dtype=torch.float32, device=device)

        def product() -> None:
            torch.mm(square, square)
            if device != "cpu":
                torch.cuda.synchronize(device)

        try:
            if threads and threads != before:
                torch.set_num_threads(threads)
            return _fastest(product, size, seconds)
        finally:
            if threads and threads != before:
                torch.set_num_threads(before)


def _fastest(product: Callable[[], object], size: int, seconds: float) -> float:
    product()
    best = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        product()
        best = min(best, time.perf_counter() - start)
    return float(f"{2 * size**3 / best:.4g}")
