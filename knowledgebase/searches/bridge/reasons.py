"""What a sampler and the gate said for a proposal, as it is kept with the trial: JSON of bounded size.

It knows nothing of who may read it: readers get it through `selectors.reasons`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

MAX_BYTES = 4096
MAX_DEPTH, MAX_ITEMS, MAX_TEXT, MAX_NAME = 4, 32, 300, 40
# What is left out first where it is too much: sources before figures.
DROPPED = ("experiences", "tasks")


def kept_reasons(why: Mapping[str, object]) -> dict[str, object]:
    """`why` as plain JSON of at most MAX_BYTES; numbers that are not finite become null, what is too much is left out
    and named under "left_out"."""
    plain = _plain(why, 0)
    found = dict(plain) if isinstance(plain, dict) else {}
    said: dict[str, object] = found
    left_out: list[str] = []
    for name in (*DROPPED, *sorted(set(found) - {*DROPPED, "gate"}), "gate"):
        if _size(said) <= MAX_BYTES:
            break
        if found.pop(name, None) is not None:
            left_out.append(name)
        said = {**found, "left_out": [one[:MAX_NAME] for one in left_out]}
    return said


def _size(found: Mapping[str, object]) -> int:
    return len(json.dumps(found).encode())


def _plain(value: object, depth: int) -> object:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        return {str(name)[:MAX_TEXT]: _plain(one, depth + 1) for name, one in list(value.items())[:MAX_ITEMS]}
    if isinstance(value, list | tuple) and depth < MAX_DEPTH:
        return [_plain(one, depth + 1) for one in value[:MAX_ITEMS]]
    return str(value)[:MAX_TEXT]
