"""What differs between the databases beside SQL itself; it knows no table."""

from __future__ import annotations

from django.db import connection


def refresh_statistics() -> None:
    """Let the planner look at the tables again: after many rows have come, and at each start of an embedded hub.

    Without it SQLite believes for ever what it saw when the tables were empty; PostgreSQL looks by itself, later.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
