"""A folder as Linux's power capping shows it: two packages, memory beside one, and what is not to be counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Zone -> its name. The board and the cores hold what packages hold too.
ZONES = {
    "intel-rapl/intel-rapl:0": "package-0",
    "intel-rapl/intel-rapl:0/intel-rapl:0:0": "core",
    "intel-rapl/intel-rapl:0/intel-rapl:0:1": "dram",
    "intel-rapl/intel-rapl:1": "package-1",
    "intel-rapl/intel-rapl:1/intel-rapl:1:0": "uncore",
    "intel-rapl/intel-rapl:2": "psys",
    "intel-rapl-mmio/intel-rapl-mmio:0": "package-0",
}
RANGE = 262_143_328_850
PACKAGE, MEMORY, OTHER = (
    "intel-rapl:0",
    "intel-rapl:0:1",
    "intel-rapl:1",
)


def make_powercap(root: Path) -> Path:
    """Zones below `devices`, and `class` with a link to each, as /sys has them; all counts stand at 1 J."""
    shown = root / "class" / "powercap"
    shown.mkdir(parents=True)
    for place, name in ZONES.items():
        zone = root / "devices" / place
        zone.mkdir(parents=True)
        for file, text in (("name", name), ("max_energy_range_uj", RANGE), ("energy_uj", 1_000_000)):
            (zone / file).write_text(f"{text}\n", encoding="ascii")
        (shown / zone.name).symlink_to(zone)
    for control in ("intel-rapl", "intel-rapl-mmio"):
        (shown / control).symlink_to(root / "devices" / control)
    return shown


def put(shown: Path, zone: str, microjoules: int) -> None:
    """Set a zone's count; nobody ever reads half a number."""
    fresh = shown / zone / "fresh"
    fresh.write_text(f"{microjoules}\n", encoding="ascii")
    fresh.replace(shown / zone / "energy_uj")


@contextmanager
def advancing(shown: Path, zone: str, watts: float) -> Iterator[None]:
    """The zone's count rises as that many watts would have it, from where it stands."""
    ended, every = threading.Event(), 0.002

    def rise() -> None:
        first, began = int((shown / zone / "energy_uj").read_text(encoding="ascii")), time.monotonic()
        while not ended.wait(every):
            put(shown, zone, (first + int(watts * (time.monotonic() - began) * 1e6)) % RANGE)

    thread = threading.Thread(target=rise)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
