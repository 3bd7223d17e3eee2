"""Statistics of training rows, kept from one run to the next under the rows' fingerprint: numbers, never text."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from tunelore import trouble
from tunelore.describe import EXTRACTORS
from tunelore.runs.values import finite

FOLDER = "statistics"
MAX_BYTES = 20_000
_FINGERPRINT = re.compile(r"rows-sha256:([0-9a-f]{64})")


def recall(spool: Path, kind: str, fingerprint: str | None) -> dict[str, Any] | None:
    """What was kept, None where nothing sensible was, or by another version of the extractor."""
    path = _path(spool, kind, fingerprint)
    if path is None:
        return None
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(kept, dict) or (kept.get("extractor"), kept.get("version")) != EXTRACTORS[kind]:
        return None
    values = kept.get("values")
    if not isinstance(values, dict) or not isinstance(kept.get("sampled"), bool):
        return None
    if any(value is not None and finite(value) is None for value in values.values()):
        return None
    return kept


def remember(spool: Path, kind: str, fingerprint: str | None, metafeatures: dict[str, Any]) -> None:
    """Keep them; a disk that takes nothing costs a second of the next run."""
    path = _path(spool, kind, fingerprint)
    if path is None:
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.part")
        temporary.write_text(json.dumps(metafeatures, allow_nan=False), encoding="utf-8")
        os.replace(temporary, path)
    except (OSError, ValueError):
        trouble.counts["statistics"] += 1


def _path(spool: Path, kind: str, fingerprint: str | None) -> Path | None:
    match = _FINGERPRINT.fullmatch(fingerprint or "")
    if match is None or kind not in EXTRACTORS:
        return None
    return spool / FOLDER / f"{kind}-{match[1]}.json"
