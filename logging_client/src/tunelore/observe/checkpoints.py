"""The run that wrote a checkpoint, so that one that goes on from there can name it.

Its id travels in the checkpoint's trainer state and, for a state that was written before the run was known, in a small
file beside it. Knows only those two places.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunelore.spool.reader import RUN_ID

NAME = "tunelore_run.txt"
STATE_NAME = "tunelore"


def run_id(text: Any) -> str | None:
    """The id of a run, None for what is none."""
    name = text.strip().lower() if isinstance(text, str) else ""
    return name if RUN_ID.fullmatch(name) else None


def checkpoint_folder(args: Any, step: int) -> Path | None:
    """Where the Trainer keeps the checkpoint of a step; None without an output folder."""
    output = getattr(args, "output_dir", None)
    return Path(output) / f"checkpoint-{int(step)}" if output else None


def mark(folder: Path, name: str) -> None:
    """Leave the run's id beside its checkpoint."""
    if folder.is_dir():
        (folder / NAME).write_text(name + "\n", encoding="ascii")


def mark_state(state: Any, name: str) -> None:
    """Leave the run's id in the trainer state, in the place of what callbacks keep there."""
    kept = getattr(state, "stateful_callbacks", None)
    if isinstance(kept, dict):
        kept[STATE_NAME] = {"args": {}, "attributes": {"run": name}}


def resumed(args: Any, state: Any) -> str | None:
    """The id of the run whose checkpoint training goes on from; None for a fresh start or an unknown one."""
    step = int(getattr(state, "global_step", 0) or 0)
    if not step:
        return None
    return _in_state(state) or _beside(args, step)


def _in_state(state: Any) -> str | None:
    kept = getattr(state, "stateful_callbacks", None)
    ours = kept.get(STATE_NAME) if isinstance(kept, dict) else None
    attributes = ours.get("attributes") if isinstance(ours, dict) else None
    return run_id(attributes.get("run")) if isinstance(attributes, dict) else None


def _beside(args: Any, step: int) -> str | None:
    given = getattr(args, "resume_from_checkpoint", None)
    folder = Path(given) if isinstance(given, str) and Path(given).is_dir() else checkpoint_folder(args, step)
    if folder is None:
        return None
    try:
        return run_id((folder / NAME).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
