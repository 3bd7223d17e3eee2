"""The machine and its software, without its name, paths or user; how fast it is and how it is used just now.

Imports nothing heavy: the speed is measured with torch where it is imported, else with numpy, else not at all. Knows
nothing of the run that is timed.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

DISTRIBUTIONS = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "tokenizers",
    "datasets",
    "scikit-learn",
    "numpy",
)
_CPUINFO = Path("/proc/cpuinfo")
_MAX_FREQUENCY = Path("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")


def system(*, waken: bool = True) -> dict[str, Any]:
    """`system` of a record: features (cores, GHz, bytes of memory, devices) and software (name -> version).

    Steady from call to call on one machine, since its digest is the System's identity. Accelerators are known
    only where torch is already imported, and unless `waken` only where it has begun to use them.
    """
    return {"features": {**_processor(), "devices": devices(waken=waken)}, "software": dict(_software())}


@cache
def _processor() -> dict[str, Any]:
    info = _text(_CPUINFO)
    return {
        "cpu_cores_physical": _physical_cores(info),
        "cpu_cores_logical": os.cpu_count(),
        "cpu_ghz": _gigahertz(info),
        "memory_bytes": memory_bytes(),
    }


def _physical_cores(info: str) -> int | None:
    cores = set()
    for block in info.split("\n\n"):
        socket = re.search(r"^physical id\s*:\s*(\d+)", block, re.MULTILINE)
        core = re.search(r"^core id\s*:\s*(\d+)", block, re.MULTILINE)
        if socket and core:
            cores.add((socket[1], core[1]))
    return len(cores) or None


def _gigahertz(info: str) -> float | None:
    """The clock the processor is sold with; the present one only where nothing else is said, and rounded."""
    frequency = _text(_MAX_FREQUENCY).strip()
    if frequency.isdigit():
        return round(int(frequency) / 1e6, 2)
    named = re.search(r"^model name\s*:.*@\s*([\d.]+)\s*GHz", info, re.MULTILINE)
    if named:
        return round(float(named[1]), 2)
    present = [float(text) for text in re.findall(r"^cpu MHz\s*:\s*([\d.]+)", info, re.MULTILINE)]
    return round(max(present) / 1000, 1) if present else None


def memory_bytes() -> int | None:
    """Bytes of main memory of the machine; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def devices(*, waken: bool = True) -> list[dict[str, Any]]:
    """Accelerators that torch sees, [] where it sees none or is not imported; a slice of one (MIG) is one of its size.

    To look at one makes torch begin to use CUDA, after which forked children cannot: not unless `waken`.
    """
    torch: Any = sys.modules.get("torch")
    try:
        if torch is None or not ((waken and torch.cuda.is_available()) or torch.cuda.is_initialized()):
            return []
        found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    except (AttributeError, RuntimeError):
        return []
    return [{"kind": "cuda", "name": device.name, "memory_bytes": device.total_memory} for device in found][
        :64
    ]


@cache
def _software() -> tuple[tuple[str, str], ...]:
    from importlib import metadata  # which brings zipfile, email and inspect

    found = [("python", platform.python_version())]
    for name in DISTRIBUTIONS:
        try:
            found.append((name, metadata.version(name)[:100]))
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


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
    except (ImportError, RuntimeError, MemoryError, AssertionError, AttributeError, TypeError):
        return None  # also a device that this torch was built without


def _with_torch(torch: Any, device: str, threads: int | None, seconds: float) -> float:
    kind = device.split(":")[0]
    size = HOST_SIZE if kind == "cpu" else DEVICE_SIZE
    before = torch.get_num_threads()
    with torch.inference_mode():
        square = torch.ones((size, size), dtype=torch.float32, device=device)

        def product() -> None:
            torch.mm(square, square)
            if kind == "cuda":
                torch.cuda.synchronize(device)
            elif kind != "cpu":
                getattr(torch, kind).synchronize()  # mps, xpu: of Apple and Intel

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
