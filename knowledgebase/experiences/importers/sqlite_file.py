"""SQLite files of other tools, opened to be read only, with what a made-up file could do switched off.

It knows no format. Nothing is written beside the file, and no view or trigger of it is ever run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from knowledgebase.experiences.importers.items import Unreadable

MAGIC = b"SQLite format 3\0"
MAX_VALUE_BYTES = 16 * 1024 * 1024
# Steps of SQLite's machine between two looks, and how many looks one statement may take: some minutes.
STEPS, LOOKS = 1_000_000, 20_000


@contextmanager
def opened(path: Path, tables: tuple[str, ...]) -> Iterator[sqlite3.Connection]:
    """The database, with these tables in it. Unreadable for what is none, is damaged, or has them as views."""
    with _opened(path) as connection:
        try:
            kinds = dict(
                connection.execute("SELECT name, type || ' ' || coalesce(sql, '') FROM sqlite_master")
            )
            for table in tables:
                if not str(kinds.get(table, "")).startswith("table CREATE TABLE"):
                    raise Unreadable(f"has no table {table!r}")
            yield connection
        except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
            raise Unreadable(f"the database cannot be read: {error}") from error


def table_names(path: Path) -> set[str]:
    """The names of its tables; Unreadable for what is no SQLite database."""
    with _opened(path) as connection:
        try:
            return {
                str(name)
                for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
        except sqlite3.Error as error:
            raise Unreadable(f"the database cannot be read: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from error
    if start != MAGIC:
        raise Unreadable("not an SQLite database")
    # Without a journal beside it nobody writes now, and nothing needs to be locked, on a read-only disk neither.
    busy = any(path.with_name(path.name + end).exists() for end in ("-wal", "-journal"))
    address = f"file:{quote(str(path.absolute()))}?mode=ro" + ("" if busy else "&immutable=1")
    try:
        connection = sqlite3.connect(address, uri=True, timeout=5, isolation_level=None)
    except sqlite3.Error as error:
        raise Unreadable(f"the database cannot be opened: {error}") from error
    with closing(connection):
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        looks = iter(range(LOOKS))
        connection.set_progress_handler(lambda: next(looks, None) is None, STEPS)
        # Text that is no UTF-8 reaches the store's own check, which names its place.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        try:
            for setting in (
                "trusted_schema = OFF",
                "query_only = ON",
                "cell_size_check = ON",
                "mmap_size = 0",
            ):
                connection.execute(f"PRAGMA {setting}")
        except sqlite3.Error as error:
            raise Unreadable(f"the database cannot be read: {error}") from error
        yield connection
