"""The machine and the software of a run, without its name, its paths or its user. Imports nothing heavy."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
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


def system() -> dict[str, Any]:
    """`system` of a record: features (cores, GHz, bytes of memory, devices) and software (name -> version).

    Steady from call to call on one machine, since its digest is the System's identity. Accelerators are known
    only where torch is already imported.
    """
    return {"features": {**_processor(), "devices": devices()}, "software": dict(_software())}


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


def devices() -> list[dict[str, Any]]:
    """Accelerators that torch sees, [] where it sees none or is not imported."""
    torch: Any = sys.modules.get("torch")
    try:
        if torch is None or not torch.cuda.is_available():
            return []
        found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    except (AttributeError, RuntimeError):
        return []
    return [{"kind": "cuda", "name": device.name, "memory_bytes": device.total_memory} for device in found][
        :64
    ]


@cache
def _software() -> tuple[tuple[str, str], ...]:
    found = [("python", platform.python_version())]
    for name in DISTRIBUTIONS:
        try:
            found.append((name, importlib.metadata.version(name)[:100]))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
