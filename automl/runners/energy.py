"""Joules of a run: what counters that only rise have risen by, of processors and memory (RAPL) and of cards (NVML).

The counters are the whole machine's and the whole card's: what else ran there is in the figure. Knows no pipeline;
reading takes microseconds and never breaks a run. Start at `meter_of`; `cards` asks the driver's library, without
CUDA.

    count   microjoules (RAPL) or millijoules (NVML) since some moment; RAPL begins again at 0 behind its range
"""

from __future__ import annotations

import ctypes
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

#: Where Linux has the counters of Intel's and AMD's processors (Documentation/power/powercap).
POWERCAP = "/sys/class/powercap"
#: A range of 262 kJ, as is usual, lasts for more than seven minutes at 600 W.
SAMPLED_S = 30.0
ZONE = re.compile(r"intel-rapl:\d+(:\d+)?")
#: Deepest first: a zone that is shown several times is called by its shortest name.
ZONES = ("intel-rapl*/intel-rapl:*/intel-rapl:*", "intel-rapl*/intel-rapl:*", "intel-rapl*")
UUID_LENGTH = 96


class NoMeter(Exception):
    """Why nothing can be read here, and what to do."""


@dataclass(frozen=True)
class Counter:
    """`read` gives the count now (OSError, ValueError); behind `wraps` counts it begins again, None: never."""

    word: str
    read: Callable[[], int]
    joules: float
    """Of one count."""
    wraps: int | None = None

    def passed(self, before: int, after: int) -> float:
        """Joules between two readings that are less than a whole range apart; ValueError for one set back."""
        if after < before and self.wraps is None:
            raise ValueError(f"the counter of {self.word} went from {before} back to {after}")
        return (after - before + (self.wraps or 0) * (after < before)) * self.joules


class Meter:
    """Joules since it was made; once a counter could not be read, or where there is none, nothing."""

    def __init__(self, counters: Sequence[Counter] = ()) -> None:
        self.counters, self._joules = tuple(counters), 0.0
        self._before, self._moment = self._read(), time.monotonic()

    @property
    def words(self) -> str:
        """What is measured, as in "package+dram"; '' for nothing."""
        return "+".join(dict.fromkeys(one.word for one in self.counters)) if self._before else ""

    def keep_up(self) -> None:
        """Read now and then, so that no counter wraps twice between two readings."""
        if time.monotonic() - self._moment >= SAMPLED_S:
            self._advance()

    def joules(self) -> float | None:
        """So far; None where it is not known."""
        self._advance()
        return round(self._joules, 3) if self._before else None

    def _advance(self) -> None:
        after, self._moment = self._read(), time.monotonic()
        try:
            if self._before and after:
                readings = zip(self.counters, self._before, after, strict=True)
                self._joules += sum(one.passed(*counts) for one, *counts in readings)
        except ValueError:
            after = []
        self._before = after if self._before else []

    def _read(self) -> list[int]:
        """A count of each counter; [] when one cannot be read, for a part would be taken for the whole."""
        try:
            return [one.read() for one in self.counters]
        except (OSError, ValueError):
            return []


def meter_of(device: str, powercap: str = POWERCAP) -> Meter:
    """What a run on "cpu" or "cuda:<n>" can read here; a meter of nothing where it can read nothing."""
    try:
        return Meter(counters_of(device, powercap))
    except NoMeter:
        return Meter()


def why_not(device: str, powercap: str = POWERCAP) -> str:
    """Why the energy of a run on this device cannot be read here, and what to do; '' when it can."""
    try:
        counters_of(device, powercap)
    except NoMeter as reason:
        return str(reason)
    return ""


def counters_of(
    device: str, powercap: str = POWERCAP, of_cards: Callable[[str | None], list[Counter]] | None = None
) -> list[Counter]:
    """Counters of the processors, or of the cards and, where they can be read, of the processors beside them.

    NoMeter where those of what is trained on cannot be read. `of_cards` takes CUDA_VISIBLE_DEVICES; else `cards` does.
    """
    if not device.startswith("cuda"):
        return processors(Path(powercap))
    found = (of_cards or cards)(os.environ.get("CUDA_VISIBLE_DEVICES"))
    try:
        return [*processors(Path(powercap)), *found]
    except NoMeter:
        return found


def processors(folder: Path) -> list[Counter]:
    """Each processor package, and the memory beside it; its cores are in the package's count, a board ("psys") is not
    only processors. NoMeter without any, or without leave to read."""
    # The kernel shows a zone several times, as a link and inside its parent.
    zones = {
        path.name: path for pattern in ZONES for path in folder.glob(pattern) if ZONE.fullmatch(path.name)
    }
    try:
        found = [counter for _, zone in sorted(zones.items()) if (counter := _zone(zone))]
    except PermissionError as refused:
        raise NoMeter(
            f"{refused.filename} may not be read; give the user of hub and workers leave to read"
        ) from refused
    except (OSError, ValueError) as broken:
        raise NoMeter(f"the counters in {folder} cannot be read: {broken}") from broken
    if not any(one.word == "package" for one in found):
        raise NoMeter(
            f"{folder} has no counter of a processor (intel-rapl); virtual machines and containers hide those of"
            " their host: name a folder that has them"
        )
    return found


def _zone(zone: Path) -> Counter | None:
    """A package, or memory within one; None for what is counted there already."""
    name = (zone / "name").read_text(encoding="ascii").strip()
    is_part = zone.name.count(":") > 1
    if not (name == "dram" if is_part else name.startswith("package")):
        return None
    counter = Counter("dram" if is_part else "package", partial(_count, zone / "energy_uj"), 1e-6)
    counter.read()
    return Counter(counter.word, counter.read, counter.joules, _count(zone / "max_energy_range_uj"))


def _count(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))


def cards(asked: str | None) -> list[Counter]:
    """The cards that CUDA_VISIBLE_DEVICES names, all when it is not set; NoMeter where the driver does not count.

    Source: NVML's nvmlDeviceGetTotalEnergyConsumption (Volta and newer). It counts cards in the order of their
    buses, as CUDA does with CUDA_DEVICE_ORDER=PCI_BUS_ID or where all are of one kind.
    """
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
        _ask(library.nvmlInit_v2)
        count = ctypes.c_uint()
        _ask(library.nvmlDeviceGetCount_v2, ctypes.byref(count))
        handles = [_handle(library, number) for number in range(count.value)]
        seen = visible(asked, [_uuid(library, handle) for handle in handles])
        found = [Counter("card", partial(_millijoules, library, handles[at]), 1e-3) for at in seen]
        for one in found:
            one.read()
    except (OSError, AttributeError, ValueError) as error:
        raise NoMeter(f"NVIDIA's driver tells no card's energy: {error}") from error
    if not found:
        raise NoMeter(f"CUDA_VISIBLE_DEVICES={asked!r} names no card")
    return found


def visible(asked: str | None, uuids: Sequence[str]) -> list[int]:
    """The places among `uuids` of what CUDA_VISIBLE_DEVICES names: numbers, or beginnings of UUIDs.

    As CUDA reads it, what stands behind the first name of no card does not count. ValueError for a part of a card
    (MIG), whose energy nobody counts.
    """
    if asked is None:
        return list(range(len(uuids)))
    found: list[int] = []
    for word in (part.strip() for part in asked.split(",")):
        if word.startswith("MIG"):
            raise ValueError(f"{word} is a part of a card, which has no counter of its own")
        named = [at for at, uuid in enumerate(uuids) if word.startswith("GPU-") and uuid.startswith(word)]
        named = [int(word)] if word.isdecimal() and int(word) < len(uuids) else named
        if len(named) != 1:
            break
        found += named
    return list(dict.fromkeys(found))


def _handle(library: ctypes.CDLL, number: int) -> ctypes.c_void_p:
    handle = ctypes.c_void_p()
    _ask(library.nvmlDeviceGetHandleByIndex_v2, ctypes.c_uint(number), ctypes.byref(handle))
    return handle


def _uuid(library: ctypes.CDLL, handle: ctypes.c_void_p) -> str:
    text = ctypes.create_string_buffer(UUID_LENGTH)
    _ask(library.nvmlDeviceGetUUID, handle, text, ctypes.c_uint(UUID_LENGTH))
    return text.value.decode("ascii", "replace")


def _millijoules(library: ctypes.CDLL, handle: ctypes.c_void_p) -> int:
    count = ctypes.c_ulonglong()
    _ask(library.nvmlDeviceGetTotalEnergyConsumption, handle, ctypes.byref(count))
    return count.value


def _ask(function: Callable[..., int], *arguments: object) -> None:
    """OSError where NVML answers anything but success."""
    if status := function(*arguments):
        raise OSError(f"NVML answered {status}")
