"""Optuna's journal: a line an operation, replayed in order. It reads, and names no value.

Trials are numbered by the order of their lines, so a line that cannot be read makes the rest unreadable; only the last
may be cut, as it is while somebody writes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from knowledgebase.experiences.importers.items import Found, Item, Refused, Source, Unreadable
from knowledgebase.experiences.importers.optuna.trials import (
    MAX_TRIALS,
    Study,
    Trial,
    distribution_of,
    external,
    record_of,
    unfinished,
)
from knowledgebase.experiences.importers.texts import MAX_FILE_BYTES, json_value

MAX_LINE_BYTES = 4 * 1024 * 1024
DIRECTIONS = {0: "NOT_SET", 1: "MINIMIZE", 2: "MAXIMIZE"}
STATES = {0: "RUNNING", 1: "COMPLETE", 2: "PRUNED", 3: "FAIL", 4: "WAITING"}
ENDED = ("COMPLETE", "PRUNED", "FAIL")
Line = Mapping[str, Any]


def read(source: Source) -> Iterator[Item]:
    """Every trial of every study that was not deleted, in the order of creation."""
    [path] = source.paths
    replay = _Replay()
    try:
        for number, line in _lines(path):
            try:
                replay.apply(line)
            except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
                raise Unreadable(
                    f"line {number} is no operation of a journal: {type(error).__name__} {error}"[:200]
                ) from error
            except Unreadable as error:
                raise Unreadable(f"line {number}: {error}") from error
    except (Unreadable, OSError) as error:
        yield Refused(path.name, f"{error}; the trials after it cannot be told apart")
        return
    trials = [trial for trial in replay.trials if replay.is_there(trial.study)]
    for place, trial in enumerate(trials, start=1):
        yield _item(trial, path.name, place / len(trials))


def _item(trial: Trial, name: str, share: float) -> Item:
    place = f"{name} trial {trial.number} of {trial.study.name[:80]}"
    try:
        record, notes = record_of(trial)
    except Unreadable as error:
        return Refused(place, str(error), share=share)
    return Found(place, record, notes=notes, unfinished=unfinished(trial), share=share)


def _lines(path: Path) -> Iterator[tuple[int, Line]]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > 16 * MAX_FILE_BYTES:
            raise Unreadable(f"has {size:,} bytes, at most {16 * MAX_FILE_BYTES:,} of a journal are read")
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if not line.endswith(b"\n") and file.tell() == size:
                return  # being written
            try:
                value = json_value(line)
            except Unreadable as error:
                raise Unreadable(f"line {number}: {error}") from error
            if not isinstance(value, dict):
                raise Unreadable(f"line {number} must be an object")
            yield number, value


class _Replay:
    """Studies and trials as the lines so far make them; both are numbered by creation."""

    def __init__(self) -> None:
        self.studies: list[Study | None] = []
        self.trials: list[Trial] = []
        self._numbers: Counter[int] = Counter()
        self._operations: Mapping[int, Callable[[Line], None]] = {
            0: self._create_study,
            1: self._delete_study,
            2: self._study_user,
            3: self._study_system,
            4: self._create_trial,
            5: self._param,
            6: self._state,
            7: self._step,
            8: self._user,
            9: self._system,
        }

    def apply(self, line: Line) -> None:
        """Do what a line says; one of an unknown kind is a newer Optuna's."""
        operation = line["op_code"]
        if operation not in self._operations:
            raise Unreadable(f"operation {str(operation)[:20]} is not known here")
        self._operations[operation](line)

    def is_there(self, study: Study) -> bool:
        """Whether it was not deleted."""
        return any(one is study for one in self.studies)

    def _create_study(self, line: Line) -> None:
        name = str(line["study_name"])
        if any(one is not None and one.name == name for one in self.studies):
            return  # two processes made it at once; the first holds
        directions = [DIRECTIONS.get(one, str(one)) for one in line["directions"]]
        self.studies.append(Study(name, directions))

    def _delete_study(self, line: Line) -> None:
        self._study(line)
        self.studies[line["study_id"]] = None

    def _study(self, line: Line) -> Study:
        key = line["study_id"]
        study = self.studies[key] if isinstance(key, int) and 0 <= key < len(self.studies) else None
        if study is None:
            raise Unreadable(f"study {str(key)[:20]} is not there")
        return study

    def _trial(self, line: Line) -> Trial:
        key = line["trial_id"]
        if not isinstance(key, int) or not 0 <= key < len(self.trials):
            raise Unreadable(f"trial {str(key)[:20]} is not there")
        return self.trials[key]

    def _study_user(self, line: Line) -> None:
        self._study(line).user.update(line["user_attr"])

    def _study_system(self, line: Line) -> None:
        self._study(line).system.update(line["system_attr"])

    def _create_trial(self, line: Line) -> None:
        if len(self.trials) >= MAX_TRIALS:
            raise Unreadable(f"holds over {MAX_TRIALS:,} trials")
        study = self._study(line)
        number = self._numbers[id(study)]
        self._numbers[id(study)] += 1
        trial = Trial(study, number, STATES.get(line.get("state", 0), "unknown"))
        trial.start, trial.end = _time(line.get("datetime_start")), _time(line.get("datetime_complete"))
        distributions = line.get("distributions") or {}
        for name, value in (line.get("params") or {}).items():
            distribution = distribution_of(distributions[name])
            trial.params[name] = external(value, distribution)
            trial.distributions[name] = distribution
        values = line.get("values")
        trial.values = (
            values if values is not None else [line["value"]] if line.get("value") is not None else []
        )
        trial.steps = {int(step): value for step, value in (line.get("intermediate_values") or {}).items()}
        trial.user.update(line.get("user_attrs") or {})
        trial.system.update(line.get("system_attrs") or {})
        self.trials.append(trial)

    def _param(self, line: Line) -> None:
        trial = self._trial(line)
        distribution = distribution_of(line["distribution"])
        if trial.state not in ENDED:
            trial.params[str(line["param_name"])] = external(line["param_value_internal"], distribution)
            trial.distributions[str(line["param_name"])] = distribution

    def _state(self, line: Line) -> None:
        trial = self._trial(line)
        if trial.state in ENDED:
            return  # somebody was faster
        trial.state = STATES.get(line["state"], str(line["state"]))
        if line.get("datetime_start") is not None:
            trial.start = _time(line["datetime_start"])
        if line.get("datetime_complete") is not None:
            trial.end = _time(line["datetime_complete"])
        if line.get("values") is not None:
            trial.values = list(line["values"])

    def _step(self, line: Line) -> None:
        trial = self._trial(line)
        if trial.state not in ENDED and isinstance(line["step"], int):
            trial.steps[line["step"]] = line["intermediate_value"]

    def _user(self, line: Line) -> None:
        self._trial(line).user.update(line["user_attr"])

    def _system(self, line: Line) -> None:
        self._trial(line).system.update(line["system_attr"])


def _time(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Unreadable(f"a time must be text, not {str(value)[:40]!r}")
    return value
