"""Where the benches leave what they found: one JSON document each. It knows no bench."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def write(found: Mapping[str, Any] | list[Any], target: Path) -> None:
    """Keep it as indented JSON, the folders above made, and say where it is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    shown = target.relative_to(ROOT) if target.is_relative_to(ROOT) else target
    print(f"\nwritten to {shown}")
