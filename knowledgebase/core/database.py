"""What differs between the databases beside SQL itself; it knows no table."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, models

# Below this many rows one INSERT is as fast as a COPY.
COPY_ROWS = 50


def refresh_statistics() -> None:
    """Let the planner look at the tables again: after many rows have come, and at each start of an embedded hub.

    Without it SQLite believes for ever what it saw when the tables were empty; PostgreSQL looks by itself, later.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def insert_rows(model: type[models.Model], rows: Sequence[models.Model], *, at_once: int) -> None:
    """Insert new rows that have their keys: by COPY on PostgreSQL where there are many, else `at_once` a statement."""
    if connection.vendor != "postgresql" or len(rows) < COPY_ROWS:
        model._default_manager.bulk_create(rows, batch_size=at_once)
        return
    fields = model._meta.concrete_fields
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(
                [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
            )
