"""trainer_state.json, checked: the log of a run, and which states are of the same run. It makes no record.

NaN and Infinity stand in these files as Python writes them, and mean a loss that was not finite.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledgebase.experiences.importers.items import Unreadable
from knowledgebase.experiences.importers.texts import json_value
from knowledgebase.experiences.importers.values import infinite, number, whole

# Shares in [0, 1], which some write as percentages. A run whose shares go beyond 1 but never beyond 2 writes neither.
SHARES = ("accuracy", "f1", "precision", "recall")
LEAST_PERCENT = 2
LOSSES = ("loss", "eval_loss", "train_loss")
SETTINGS = ("max_steps", "num_train_epochs", "train_batch_size")
MAX_ENTRIES = 2_000_000


@dataclass(frozen=True)
class State:
    """One state: ``log`` holds its entries, ``lines`` their texts; ``sha`` is of the file's bytes."""

    path: Path
    sha: str
    content: Mapping[str, Any]
    log: Sequence[Mapping[str, Any]]
    lines: Sequence[str]

    @property
    def step(self) -> int:
        """How far training was."""
        return whole(self.content.get("global_step")) or 0

    @property
    def summed_up(self) -> bool:
        """Whether the Trainer wrote its summary, as it does when training has ended by itself."""
        return any("train_runtime" in entry for entry in self.log)

    def first_infinite(self) -> Mapping[str, Any] | None:
        """The first entry with a loss that was not finite."""
        return next((entry for entry in self.log if any(infinite(entry.get(name)) for name in LOSSES)), None)


def state(path: Path, data: bytes) -> State:
    """A state file, checked; Unreadable names every value that cannot be."""
    content = json_value(data)
    if not isinstance(content, dict) or "log_history" not in content:
        raise Unreadable("must be an object with log_history; this is no state of a Trainer")
    log = content["log_history"]
    if not isinstance(log, list):
        raise Unreadable(f"log_history must be a list, not {type(log).__name__} {str(log)[:60]}")
    wrong = next((place for place, entry in enumerate(log) if not isinstance(entry, dict)), None)
    if wrong is not None:
        raise Unreadable(f"log_history/{wrong} must be an object, not {str(log[wrong])[:60]}")
    impossible = list(dict.fromkeys(_impossible(content, log)))
    if impossible:
        doubtful = list(dict.fromkeys(_doubtful(log)))
        raise Unreadable("values that cannot be: " + ", ".join([*impossible, *doubtful][:12]))
    lines = [json.dumps(entry, sort_keys=True) for entry in log]
    return State(path, hashlib.sha256(data).hexdigest(), content, log, lines)


def _impossible(content: Mapping[str, Any], log: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Values without which the log has no order."""
    for name in ("global_step", "max_steps", "epoch"):
        yield from _not_negative(name, content.get(name))
    for entry in log:
        yield from _not_negative("step", entry.get("step"))
        yield from _not_negative("epoch", entry.get("epoch"))


def _not_negative(name: str, value: Any) -> Iterator[str]:
    found = number(value)
    if value is not None and (found is None or found < 0):
        yield f"{name[:60]} {str(value)[:40]}"


def _doubtful(log: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Odd values that say nothing against the rest; a clock that was set back gives a negative run time."""
    for entry in log:
        for name, value in entry.items():
            if name.endswith("_runtime"):
                yield from _not_negative(name, value)
    shares = list(_shares(log))
    percent = any(value > LEAST_PERCENT for _, value in shares)
    for name, value in shares:
        if value < 0 or value > (100 if percent else 1):
            yield f"{name[:60]} {value}"


def _shares(log: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    for entry in log:
        for name, value in entry.items():
            found = number(value) if name.split("_")[-1] in SHARES else None
            if found is not None:
                yield name, found


def doubts(one: State) -> tuple[str, ...]:
    """Values that cannot be; they are kept in the curve, count as no cost and compare with nothing."""
    return tuple(f"cannot be: {told}" for told in dict.fromkeys(_doubtful(one.log)))[:12]


def in_percent(one: State) -> bool:
    """Whether the run writes shares as percentages: then none of them is a score in [0, 1]."""
    return any(value > 1 for _, value in _shares(one.log))


def runs(states: Sequence[State]) -> list[list[State]]:
    """The states of each run, the last one first.

    Of one run are states with the same settings whose logs begin alike; a folder that was used twice holds two runs.
    """
    ordered = sorted(
        states, key=lambda one: (-one.step, not one.summed_up, len(one.path.parts), one.path.parts)
    )
    found: list[list[State]] = []
    for one in ordered:
        home = next((group for group in found if _same_run(one, group[0])), None)
        if home is None:
            found.append([one])
        else:
            home.append(one)
    return found


def _same_run(earlier: State, last: State) -> bool:
    alike = all(earlier.content.get(name) == last.content.get(name) for name in SETTINGS)
    return alike and list(last.lines[: len(earlier.lines)]) == list(earlier.lines)
