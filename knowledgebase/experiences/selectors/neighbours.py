"""Which tasks are near: distances over what the asker may see, and over nothing else. It writes nothing.

Meta-features of all descriptions are kept in this process as arrays, by kind and extractor, and for each asker which
description speaks for each task they may see, until the store changes. What the asker may not see is cut out before
anything is normalised.

    values  (n, f)  the features of n tasks, NaN where missing
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from automl.neighbours import between, distances
from knowledgebase.accounts.models import User
from knowledgebase.core.errors import Problem
from knowledgebase.experiences.models import Task, TaskDescription
from knowledgebase.experiences.selectors.descriptions import measured_tasks, told_tasks
from knowledgebase.experiences.selectors.keeping import store_state

MAP_TASKS = 40
MOST_NAMES, MOST_LETTERS = 60, 60
Values = Mapping[str, float | None]


@dataclass(frozen=True)
class NearTask:
    """A task, how far it is, and what each feature adds."""

    task: Task
    distance: float
    parts: Mapping[str, float]


@dataclass(frozen=True)
class Target:
    """What to look around: a kind of task, named numbers, and who measured them. `digest`: the task, if it is one."""

    kind: str
    extractor: str
    version: int
    values: Values
    digest: str = ""


@dataclass(frozen=True)
class Known:
    """What one extractor measured on comparable tasks of one kind, by keys of descriptions; by the tasks' digests."""

    keys: NDArray[np.int64]
    digests: NDArray[Any]
    names: tuple[str, ...]
    values: NDArray[np.float64]

    def only(self, keep: NDArray[np.bool_]) -> Known:
        """These tasks, and the features that one of them has: no other is even named."""
        values = self.values[keep]
        there = np.flatnonzero((~np.isnan(values)).any(axis=0))
        return Known(
            self.keys[keep], self.digests[keep], tuple(self.names[n] for n in there), values[:, there]
        )

    def with_features(self, names: Iterable[str]) -> Known:
        """The same tasks with more columns, all missing, in the order of the names."""
        wanted = tuple(sorted({*self.names, *names}))
        if wanted == self.names:
            return self
        values = np.full((len(self.keys), len(wanted)), np.nan)
        if self.names:
            values[:, [wanted.index(name) for name in self.names]] = self.values
        return replace(self, names=wanted, values=values)


@dataclass(frozen=True)
class Seen:
    """What one asker sees: in which state of the store, descriptions (key -> digest), and their arrays so far."""

    state: tuple[Any, ...] | None
    descriptions: dict[int, str]
    tables: dict[tuple[str, int], Known]


class Row(NamedTuple):
    """One description: its digest and its task's, and what was measured."""

    digest: str
    task: str
    metafeatures: Mapping[str, Any]


class Kept:
    """What this process has read of descriptions of one kind of task. They never change, so each is read once."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.lock = Lock()
        self.rows: dict[int, Row] = {}
        self.tables: dict[tuple[str, int], Known] = {}

    def known(self, target: Target, seen: Mapping[int, str]) -> Known:
        """The arrays for one extractor; after it, each of the seen descriptions is there."""
        with self.lock:
            # By digest too: a store that was put back gives old keys to other words.
            if news := {
                key for key, at in seen.items() if key not in self.rows or self.rows[key].digest != at
            }:
                self._read(news)
            key = (target.extractor, target.version)
            if key not in self.tables:
                self.tables[key] = self._table(*key)
            return self.tables[key]

    def _read(self, news: set[int]) -> None:
        rows = TaskDescription.objects.filter(task__kind=self.kind, rank__gt=0)
        if len(news) <= READ_SINGLY:
            rows = rows.filter(pk__in=news)
        found = rows.values_list("pk", "digest", "task__digest", "metafeatures")
        self.rows |= {key: Row(*said) for key, *said in found.iterator() if key in news}
        self.tables.clear()

    def measured_by(self, seen: Iterable[int]) -> set[tuple[str, int]]:
        """Extractors and their versions, of descriptions that `known` has read."""
        said = (self.rows[key].metafeatures for key in seen if key in self.rows)
        return {(str(one.get("extractor")), int(one.get("version") or 0)) for one in said}

    def _table(self, extractor: str, version: int) -> Known:
        same = sorted(
            (row.task, key, row.metafeatures.get("values") or {})
            for key, row in self.rows.items()
            if (row.metafeatures.get("extractor"), row.metafeatures.get("version")) == (extractor, version)
        )
        names = tuple(sorted({name for _, _, values in same for name in values}))
        # None becomes NaN by itself, and several times as fast as one by one.
        values = [[*map(values.get, names)] for _, _, values in same]
        return Known(
            np.array([key for _, key, _ in same], dtype=np.int64),
            np.array([digest for digest, _, _ in same], dtype=np.str_),
            names,
            np.array(values, dtype=np.float64).reshape(len(same), len(names)),
        )


READ_SINGLY = 500
KEPT_ASKERS = 64
_seen: dict[tuple[int, str], Seen] = {}
_kept: dict[str, Kept] = {}


def target_of(task: Task) -> Target:
    """A task as what to look around."""
    found = task.metafeatures
    values = dict(found.get("values", {}))
    return Target(task.kind, found.get("extractor", ""), found.get("version", 0), values, task.digest)


def nearest_tasks(user: User, task: Task, k: int = 10) -> list[NearTask]:
    """The k nearest other tasks of the same kind by meta-features, nearest first."""
    return nearest_to(user, target_of(task), k) if task.metafeatures else []


def nearest_to(user: User, target: Target, k: int = 10) -> list[NearTask]:
    """The k nearest tasks, other than the target itself; only what the same extractor measured compares."""
    return _nearest(user, _visible(user, target), target, k)


def require_common_features(user: User, target: Target) -> None:
    """Problem 422 where there are tasks of this kind, and the target has no feature in common with any.

    The distance would be that to a task in the middle of all: a number, and about nothing that was asked.
    """
    names, seen = _visible(user, target).names, _descriptions_seen(user, target.kind).descriptions
    given = [name for name, value in target.values.items() if value is not None]
    if not seen or not {*names}.isdisjoint(given):
        return
    who = f"{target.extractor[:MOST_LETTERS]!r} version {target.version}"
    if names:
        told = ", ".join(repr(name[:MOST_LETTERS]) for name in given[:5]) or "none"
        detail = f"metafeatures: given are {told}; {who} measured {', '.join(names[:MOST_NAMES])}"
    else:
        others = sorted(_kept[target.kind].measured_by(seen))[:MOST_NAMES]
        told = ", ".join(f"{extractor[:MOST_LETTERS]!r} version {version}" for extractor, version in others)
        detail = f"extractor: {who} measured no task of this kind that you may see; these did: {told}"
    raise Problem(422, "no_common_features", "No feature in common", detail)


def surroundings(user: User, task: Task, k: int) -> tuple[list[NearTask], list[list[float]]]:
    """The k nearest tasks; and the distances between the task (first) and these, on the scale that found them."""
    target = target_of(task)
    known = _visible(user, target)
    near = _nearest(user, known, target, k) if task.metafeatures else []
    if not near:
        return [], []
    others = known.only(known.digests != target.digest)
    everyone: dict[str, Values] = {
        str(digest): {name: value for name, value in zip(others.names, row, strict=True) if value == value}
        for digest, row in zip(others.digests, others.values.tolist(), strict=True)
    }
    everyone[task.digest] = target.values
    shown = [task.digest, *(one.task.digest for one in near)]
    found: list[list[float]] = between(everyone, shown).tolist()
    return near, found


def _nearest(user: User, known: Known, target: Target, k: int) -> list[NearTask]:
    known = known.only(known.digests != target.digest)
    if not len(known.keys):
        return []
    known = known.with_features(target.values)
    place = np.array([_number(target.values.get(name)) for name in known.names])
    far, parts = distances(place, known.values)
    order = np.argsort(far, kind="stable")[:k]
    digests = [str(known.digests[row]) for row in order]
    found = told_tasks(user, digests)
    return [
        NearTask(found[digest], float(far[row]), dict(zip(known.names, parts[row].tolist(), strict=True)))
        for row, digest in zip(order, digests, strict=True)
        # Not there: deleted since the arrays were looked up.
        if digest in found
    ]


def comparable_tasks(summaries: Iterable[Task], kind: str) -> list[Task]:
    """Those of a kind that distances can be measured between, most tried first, at most MAP_TASKS."""
    known = [row for row in summaries if row.kind == kind and row.comparable]
    rows = sorted(known, key=lambda row: (-row.count, row.pk))  # type: ignore[attr-defined]  # a sum
    first = next((row for row in rows if row.metafeatures), None)
    return [row for row in rows if first is not None and _comparable(first, row)][:MAP_TASKS]


def distances_between(tasks: Iterable[Task]) -> list[list[float]]:
    """Distances between tasks, all normalised together, in their order."""
    found: list[list[float]] = between(
        {task.digest: dict(task.metafeatures.get("values", {})) for task in tasks}
    ).tolist()
    return found


def _comparable(task: Task, other: Task) -> bool:
    """Only what the same extractor measured in the same version means the same."""
    mine, theirs = task.metafeatures, other.metafeatures
    return bool(mine) and all(mine.get(part) == theirs.get(part) for part in ("extractor", "version"))


def _visible(user: User, target: Target) -> Known:
    seen = _descriptions_seen(user, target.kind)
    key = (target.extractor, target.version)
    if key not in seen.tables:
        known = _kept.setdefault(target.kind, Kept(target.kind)).known(target, seen.descriptions)
        keys = np.fromiter(seen.descriptions, dtype=np.int64, count=len(seen.descriptions))
        seen.tables[key] = known.only(np.isin(known.keys, keys))
    return seen.tables[key]


def _descriptions_seen(user: User, kind: str) -> Seen:
    """What speaks for each task of a kind, of what the asker may see; kept until something changes."""
    # Asked first: what commits while the rest is read is read again next time, and never missed.
    now = store_state(user)
    kept = _seen.get((user.pk, kind))
    if kept is None or now is None or kept.state != now:
        _seen[(user.pk, kind)] = kept = Seen(now, dict(measured_tasks(user, kind).values()), {})
        while len(_seen) > KEPT_ASKERS:
            _seen.pop(next(iter(_seen)), None)
    return kept


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
