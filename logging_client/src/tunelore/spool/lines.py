"""One line of the spool: length, checksum, JSON. A line that is damaged says so by itself. Knows no files.

Format 1: `[<bytes of the payload>,"<crc32, 8 hexadecimal digits>",<payload>]` and a line feed; every line is JSON.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

FORMAT = 1
MAX_LINE = 4_000_000
_LINE = re.compile(rb'\[(\d{1,9}),"([0-9a-f]{8})",(\{.*\})\]\r?\n?', re.DOTALL)


def encode(payload: dict[str, Any]) -> bytes:
    """The line of a payload, line feed included; ValueError for NaN and Infinity."""
    text = json.dumps(payload, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")
    return b'[%d,"%08x",%b]\n' % (len(text), zlib.crc32(text), text)


def decode(line: bytes) -> dict[str, Any] | None:
    """The payload, None for a line that is cut off or damaged."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    text = match[3]
    if len(text) != int(match[1]) or zlib.crc32(text) != int(match[2], 16):
        return None
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def read_lines(file: BinaryIO) -> Iterator[dict[str, Any] | None]:
    """Every line's payload, None for each damaged one; never a line above 4 MB in memory."""
    while line := file.readline(MAX_LINE):
        if line.strip():
            yield decode(line)
