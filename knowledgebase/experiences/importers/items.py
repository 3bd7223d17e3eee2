"""What a reader gives: records it found and entries it refuses, with their place. It knows no format and no store."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Unreadable(Exception):
    """A file, or one entry of it, cannot be read; the message says where and why."""


@dataclass(frozen=True)
class Found:
    """One record. ``place``: the file, line or run it came from, without the folders above it.

    parts: how many entries of the source it is made of. by_content: its id comes from the complete entry, so what
    the store holds under this id tells of the same run whatever differs in it. unfinished: why the run may yet become
    another one, empty where it has ended. notes: what was odd but accepted. share: how much of this source has been
    read, in [0, 1].
    """

    place: str
    record: Any
    parts: int = 1
    by_content: bool = False
    unfinished: str = ""
    notes: tuple[str, ...] = ()
    share: float = 1.0


@dataclass(frozen=True)
class Refused:
    """Entries of the source that make no record, and why."""

    place: str
    reason: str
    parts: int = 1
    share: float = 1.0


Item = Found | Refused


@dataclass(frozen=True)
class Source:
    """Files that one reader takes together: a file, the states of a run folder, the store of one alias.

    root: the folder that places are told from.
    """

    format: str
    paths: tuple[Path, ...]
    root: Path
    bytes: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        """For people: the one file, or the folder."""
        return self.paths[0].name if len(self.paths) == 1 else self.root.name


def place_of(path: Path, root: Path) -> str:
    """A path as it is told: from the root on, never the folders above it."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.name
