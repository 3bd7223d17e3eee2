"""Lines and files of the spool as processes leave them, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunelore.spool.file import decode, encode


def begin(one: dict[str, Any]) -> dict[str, Any]:
    left_out = ("outcome", "metrics", "primary", "cost", "curve", "finished_at")
    return {
        "kind": "begin",
        "run": one["id"],
        "record": {key: value for key, value in one.items() if key not in left_out},
    }


def end(one: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "end", "run": one["id"], "record": one}


def dead(path: Path) -> None:
    """The same file as a process that is gone left it."""
    lines = path.read_bytes().split(b"\n", 1)
    header = decode(lines[0])
    assert header is not None
    path.write_bytes(encode({**header, "pid": 2**22 + 1, "start": "1"}) + lines[1])
