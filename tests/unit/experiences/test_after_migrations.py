"""A store that was migrated is as fast as before: the databases know its tables, those made anew included."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection

from knowledgebase.core.database import refresh_statistics
from knowledgebase.experiences.services import record_experiences

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = "experiences_experience"


def known() -> bool:
    """Whether the planner knows how many rows the table has and, on PostgreSQL, which pages hold but visible ones."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT reltuples > 0 AND relallvisible > 0 FROM pg_class WHERE oid = %s::regclass", [TABLE]
            )
        else:
            cursor.execute("SELECT count(*) > 0 FROM sqlite_stat1 WHERE tbl = %s", [TABLE])
        return bool(cursor.fetchone()[0])


def test_a_table_that_a_migration_made_anew_is_known_to_the_planner(record, owner) -> None:
    record_experiences([record() for _ in range(20)], owner=owner.user, team=owner.team)
    try:
        call_command("migrate", "experiences", "0011", verbosity=0)
    finally:
        call_command("migrate", verbosity=0)
    try:
        assert known()
    finally:  # what is known of these rows would lead other tests' questions
        call_command("flush", interactive=False, verbosity=0)
        refresh_statistics()
