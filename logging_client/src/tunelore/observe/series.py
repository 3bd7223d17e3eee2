"""Runs that belong together: trials of a search, retries after running out of memory, what goes on from a checkpoint.

None of it is told to callbacks in so many words. Searches and retries show in what the Trainer passes along; a run
that writes a checkpoint leaves its id in the trainer state and, for a state that was written before the run was known,
in a small file beside it. Knows no spool.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunelore.observe.choice import scalar
from tunelore.record import uuid7
from tunelore.runs.outcome import Outcome
from tunelore.runs.run import Run
from tunelore.spool.outbox import RUN_ID


def batch_of_a_step(args: Any, state: Any, dataloader: Any) -> int | None:
    """Rows that a step of this process takes, before accumulation; less than asked where the Trainer searched."""
    asked = getattr(args, "train_batch_size", getattr(args, "per_device_train_batch_size", None))
    if not getattr(args, "auto_find_batch_size", False):
        return asked if type(asked) is int else None
    # A state that was read from a checkpoint says what fitted then.
    found = [getattr(state, "train_batch_size", None), getattr(dataloader, "batch_size", None)]
    known = [one for one in found if type(one) is int and one > 0]
    return min(known) if known else (asked if type(asked) is int else None)


class Retries:
    """`auto_find_batch_size` starts training anew with a smaller batch when memory runs out, and says so to nobody."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._batch: int | None = None
        self._failed: list[dict[str, Any]] = []

    def before(self, args: Any, batch: int | None) -> None:
        """Training starts: end the attempt before as what it was, should this one be its retry."""
        previous, tried = self._run, self._batch
        silent = previous is not None and previous.outcome is None and not previous.trained
        asked_for = bool(getattr(args, "auto_find_batch_size", False))
        if not (asked_for and silent and previous is not None and tried and batch and batch < tried):
            self._failed = []
            return
        where = str(getattr(args, "device", "cpu"))
        cause = "host" if where.startswith("cpu") else "device"
        previous.fail(Outcome("oom", previous.phase, cause, step=previous.step))
        # The experience is that exactly this batch did not fit; what the search came to is the last run's.
        told = previous.facts["pipeline"]
        settings = {
            key: value for key, value in told["hyperparameters"].items() if key != "auto_find_batch_size"
        }
        rows = tried // max(1, int(getattr(args, "n_gpu", 1) or 1))
        previous.facts["pipeline"] = {**told, "hyperparameters": {**settings, "batch_size": rows}}
        self._failed = [*self._failed, {"batch_size": tried, "run": previous.id}][-64:]

    def after(self, run: Run, batch: int | None) -> None:
        """The run of this attempt."""
        self._run, self._batch = run, batch
        if self._failed:
            run.facts["extra"] = {**run.facts.get("extra", {}), "out_of_memory_before": self._failed}


class Trials:
    """Numbers the trials of a search that `Trainer.hyperparameter_search` makes, and knows which were pruned."""

    def __init__(self) -> None:
        self._search: str | None = None
        self._next = 0

    def begun(self, facts: dict[str, Any], args: Any, state: Any) -> None:
        """Say in the facts which trial this is, and what of it the Trainer's arguments do not say."""
        if not searching(state):
            self._search, self._next = None, 0
            return
        if self._search is None:
            self._search = uuid7()
        facts["provenance"] = {**facts["provenance"], "search": self._search, "trial": self._next}
        self._next += 1
        drawn = getattr(state, "trial_params", None)
        if isinstance(drawn, Mapping):
            told = facts["pipeline"]
            more = {
                str(name)[:100]: scalar(value)
                for name, value in drawn.items()
                if not hasattr(args, str(name))
            }
            facts["pipeline"] = {**told, "hyperparameters": {**more, **told["hyperparameters"]}}


def searching(state: Any) -> bool:
    """Whether this training is a trial of a search."""
    return getattr(state, "is_hyper_param_search", False) is True


def pruned(state: Any, run: Run) -> bool:
    """Whether training was stopped by the search: a Trainer sums training up before it ends by itself."""
    return searching(state) and not run.summed_up


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
