"""The run that wrote a checkpoint, so that one that goes on from there can name it. Knows only the folder's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunelore.spool.reader import RUN_ID

NAME = "tunelore_run.txt"


def checkpoint_folder(args: Any, step: int) -> Path | None:
    """Where the Trainer keeps the checkpoint of a step; None without an output folder."""
    output = getattr(args, "output_dir", None)
    return Path(output) / f"checkpoint-{int(step)}" if output else None


def mark(folder: Path, run_id: str) -> None:
    """Leave the run's id beside its checkpoint."""
    if folder.is_dir():
        (folder / NAME).write_text(run_id + "\n", encoding="ascii")


def resumed(args: Any, step: int) -> str | None:
    """The id of the run whose checkpoint training goes on from; None for a fresh start or an unknown one."""
    given = getattr(args, "resume_from_checkpoint", None)
    folder = Path(given) if isinstance(given, str) and Path(given).is_dir() else checkpoint_folder(args, step)
    if not step or folder is None:
        return None
    try:
        name = (folder / NAME).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return name if RUN_ID.fullmatch(name) else None
