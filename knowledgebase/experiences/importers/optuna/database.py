"""Optuna's SQLite database, trial by trial. It reads, and names no value."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
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
from knowledgebase.experiences.importers.sqlite_file import opened
from knowledgebase.experiences.importers.texts import json_value

TABLES = (
    "studies",
    "study_directions",
    "trials",
    "trial_params",
    "trial_values",
    "trial_intermediate_values",
)
TRIALS = f"""SELECT trial_id, number, study_id, state, datetime_start, datetime_complete FROM trials
ORDER BY trial_id LIMIT {MAX_TRIALS}"""  # noqa: S608 - a number of our own
STEPS = "SELECT step, intermediate_value, intermediate_value_type FROM trial_intermediate_values WHERE trial_id = ?"
NOT_FINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}
# From this version on Optuna writes UTC into columns without a zone; before, somebody's local time.
FIRST_IN_UTC = 5


def read(source: Source) -> Iterator[Item]:
    """Every trial in the order of its id; one that is wrong hinders no other."""
    [path] = source.paths
    try:
        with opened(path, TABLES) as connection:
            in_utc = _in_utc(connection)
            studies = {
                key: _study(connection, key, name)
                for key, name in connection.execute("SELECT study_id, study_name FROM studies")
            }
            rows = connection.execute(TRIALS).fetchall()
            for place, row in enumerate(rows, start=1):
                yield _item(connection, row, studies, in_utc, (path.name, place / len(rows)))
    except Unreadable as error:
        yield Refused(path.name, str(error))


def _item(
    connection: sqlite3.Connection,
    row: tuple[Any, ...],
    studies: dict[Any, Study],
    in_utc: bool,
    where: tuple[str, float],
) -> Item:
    study = studies.get(row[2])
    place = f"{where[0]} trial {str(row[1])[:20]} of {study.name[:80] if study else 'no study'}"
    try:
        if study is None:
            raise Unreadable(f"belongs to study {str(row[2])[:20]}, which is not there")
        trial = _trial(connection, row, study, in_utc)
        record, notes = record_of(trial)
    except Unreadable as error:
        return Refused(place, str(error), share=where[1])
    return Found(place, record, notes=notes, unfinished=unfinished(trial), share=where[1])


def _in_utc(connection: sqlite3.Connection) -> bool:
    try:
        row = connection.execute("SELECT library_version FROM version_info").fetchone()
    except sqlite3.OperationalError:
        return False
    major = str(row[0]).split(".")[0] if row else ""
    return major.isdigit() and int(major) >= FIRST_IN_UTC


def _study(connection: sqlite3.Connection, key: Any, name: Any) -> Study:
    directions = connection.execute(
        "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", (key,)
    )
    return Study(
        name=str(name),
        directions=[str(direction) for (direction,) in directions],
        user=_attributes(connection, "study_user_attributes", "study_id", key),
        system=_attributes(connection, "study_system_attributes", "study_id", key),
    )


def _attributes(connection: sqlite3.Connection, table: str, column: str, key: Any) -> dict[str, Any]:
    query = f'SELECT "key", value_json FROM {table} WHERE {column} = ? ORDER BY 1 LIMIT 1000'  # noqa: S608 - our own names
    try:
        rows = connection.execute(query, (key,)).fetchall()
    except sqlite3.OperationalError:
        return {}
    return {str(name): _json(value) for name, value in rows}


def _json(value: Any) -> Any:
    try:
        return json_value(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else value
    except Unreadable:
        return value


def _trial(connection: sqlite3.Connection, row: tuple[Any, ...], study: Study, in_utc: bool) -> Trial:
    key, number, _, state, start, end = row
    if not isinstance(number, int) or not 0 <= number < 2**53:
        raise Unreadable(f"number must be a trial's number, not {str(number)[:40]!r}")
    trial = Trial(study, number, str(state), _text(start), _text(end), in_utc)
    query = "SELECT param_name, param_value, distribution_json FROM trial_params WHERE trial_id = ? ORDER BY param_id"
    for name, value, written in connection.execute(query, (key,)):
        distribution = distribution_of(written)
        trial.params[str(name)] = external(value, distribution)
        trial.distributions[str(name)] = distribution
    query = "SELECT value, value_type FROM trial_values WHERE trial_id = ? ORDER BY objective"
    trial.values = [NOT_FINITE.get(str(kind), value) for value, kind in connection.execute(query, (key,))]
    for step, value, kind in connection.execute(STEPS, (key,)):
        if isinstance(step, int):
            trial.steps[step] = NOT_FINITE.get(str(kind), value)
    trial.user = _attributes(connection, "trial_user_attributes", "trial_id", key)
    trial.system = _attributes(connection, "trial_system_attributes", "trial_id", key)
    return trial


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Unreadable(f"a time must be text, not {str(value)[:40]!r}")
    return value
