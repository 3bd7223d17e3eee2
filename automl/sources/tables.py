"""A file as columns and rows: what every reader gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows in the order of the columns; `lines` says where each stood in its file (1 is the first)."""

    columns: list[str]
    rows: list[list[object]]
    lines: list[int]
