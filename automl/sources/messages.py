"""Reads translated interface messages from compiled gettext catalogues (.mo); runs nothing of them."""

from __future__ import annotations

import struct
from pathlib import Path

LITTLE, BIG = 0x950412DE, 0xDE120495


def translations(path: Path) -> list[str]:
    """The translated messages of a .mo file in its own order, plural forms apart, the header left out.

    Source of the layout: the GNU gettext manual, "The Format of GNU MO Files". [] for another kind of file.
    """
    data = path.read_bytes()
    if len(data) < 20:
        return []
    magic = struct.unpack_from("<I", data)[0]
    if magic not in (LITTLE, BIG):
        return []
    order = "<" if magic == LITTLE else ">"
    _version, count, originals, translated = struct.unpack_from(f"{order}4I", data, 4)
    found: list[str] = []
    for index in range(count):
        original, _ = struct.unpack_from(f"{order}2I", data, originals + 8 * index)
        length, offset = struct.unpack_from(f"{order}2I", data, translated + 8 * index)
        if original:
            found.extend(data[offset : offset + length].decode("utf-8").split("\0"))
    return found
