"""MLflow's SQLite database, run by run. It reads, and names no value."""

from __future__ import annotations

import math
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from knowledgebase.experiences.importers.items import Found, Item, Refused, Source, Unreadable
from knowledgebase.experiences.importers.mlflow.files import MAX_FILES, MAX_POINTS, dataset
from knowledgebase.experiences.importers.mlflow.runs import (
    STATES,
    Point,
    Run,
    record_of,
    times_in_order,
    unfinished,
)
from knowledgebase.experiences.importers.sqlite_file import opened

TABLES = ("runs", "params", "metrics", "tags", "experiments")
RUNS = """SELECT r.run_uuid, r.status, r.start_time, r.end_time, r.name, e.name, r.lifecycle_stage
FROM runs r LEFT JOIN experiments e ON e.experiment_id = r.experiment_id ORDER BY r.run_uuid"""
DATASETS = """SELECT d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_profile, t.value
FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id
LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid AND t.name = 'mlflow.data.context'
WHERE i.destination_id = ? AND i.source_type = 'DATASET' ORDER BY d.dataset_uuid LIMIT 64"""


def read(source: Source) -> Iterator[Item]:
    """Every run of the database in the order of their ids; one that is wrong hinders no other."""
    [path] = source.paths
    try:
        with opened(path, TABLES) as connection:
            rows = connection.execute(RUNS).fetchall()
            for place, row in enumerate(rows, start=1):
                yield _item(connection, row, f"{path.name} run {str(row[0])[:64]}", place / len(rows))
    except Unreadable as error:
        yield Refused(path.name, str(error))


def _item(connection: sqlite3.Connection, row: tuple[Any, ...], place: str, share: float) -> Item:
    try:
        run = _run(connection, row)
        record, notes = record_of(run)
    except Unreadable as error:
        return Refused(place, str(error), share=share)
    return Found(place, record, notes=notes, unfinished=unfinished(run), share=share)


def _run(connection: sqlite3.Connection, row: tuple[Any, ...]) -> Run:
    key, status, started, ended, name, experiment, stage = row
    if not isinstance(key, str) or not re.fullmatch(r"[\w-]{1,64}", key):
        raise Unreadable(f"run_uuid must be a run's id, not {str(key)[:60]!r}")
    if status not in STATES.values():
        raise Unreadable(f"unknown status {str(status)[:40]}")
    times = [_moment(value, what) for value, what in ((started, "start_time"), (ended, "end_time"))]
    if problem := times_in_order(*times):
        raise Unreadable(problem)
    return Run(
        id=key,
        status=str(status),
        started=times[0],
        ended=times[1],
        name=name if isinstance(name, str) and name else None,
        experiment=experiment if isinstance(experiment, str) and experiment else None,
        deleted=stage == "deleted",
        params=_values(connection, "params", key),
        metrics=_metrics(connection, key),
        tags=_values(connection, "tags", key),
        datasets=list(_datasets(connection, key)),
    )


def _moment(value: Any, name: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or value < 0:
        raise Unreadable(f"{name} must be milliseconds since 1970, not {str(value)[:60]!r}")
    return value


def _values(connection: sqlite3.Connection, table: str, key: str) -> dict[str, str]:
    query = f'SELECT "key", value FROM {table} WHERE run_uuid = ? LIMIT {MAX_FILES + 1}'  # noqa: S608 - our own names
    rows = connection.execute(query, (key,)).fetchall()
    if len(rows) > MAX_FILES:
        raise Unreadable(f"has over {MAX_FILES:,} {table}")
    return {
        str(name): value if isinstance(value, str) else str(value)
        for name, value in rows
        if value is not None
    }


def _metrics(connection: sqlite3.Connection, key: str) -> dict[str, list[Point]]:
    query = (
        f'SELECT "key", step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ? LIMIT {MAX_POINTS + 1}'  # noqa: S608
    )
    found: dict[str, list[Point]] = defaultdict(list)
    for count, (name, step, moment, value, is_nan) in enumerate(connection.execute(query, (key,)), start=1):
        if count > MAX_POINTS:
            raise Unreadable(f"metrics hold over {MAX_POINTS:,} values")
        if not isinstance(step, int) or not isinstance(moment, int) or not isinstance(value, int | float):
            raise Unreadable(
                f"metrics/{str(name)[:60]}: {str(value)[:40]!r} is not a value with step and moment"
            )
        found[str(name)].append(Point(step, moment, math.nan if is_nan else float(value)))
    return found


def _datasets(connection: sqlite3.Connection, key: str) -> Iterator[Mapping[str, Any]]:
    """Logged data sets, where the database is of a version that has them."""
    try:
        rows = connection.execute(DATASETS, (key,)).fetchall()
    except sqlite3.OperationalError:
        return
    names = ("name", "digest", "source_type", "source", "profile", "context")
    for row in rows:
        yield dataset(dict(zip(names, row, strict=True)))
