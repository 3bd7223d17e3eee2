"""What differs between the databases beside SQL itself; it knows no table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models.lookups import In

# Below this many rows one INSERT is as fast as a COPY.
COPY_ROWS = 50
# What a column of a kind takes as it is; everything else the field prepares.
AS_IT_IS: dict[str, type] = {
    "UUIDField": UUID,
    "CharField": str,
    "FloatField": float,
    "BigIntegerField": int,
    "BigAutoField": int,
    "BooleanField": bool,
    "DateTimeField": datetime,
}


class Slot:
    """Stands for a list of values that comes when the query is asked (`core.prepared`)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.column: Any = None

    def prepared(self, values: Sequence[Any]) -> list[Any]:
        return [self.column.get_db_prep_value(value, connection) for value in values]


class Tail(models.Func):
    """The last eight letters of a UUID, as pages show it.

    The number stands in the SQL and is no parameter: SQLite finds an index of an expression by what is written.
    """

    arity = 1
    template = "substr(%(expressions)s, -8)"
    output_field = models.CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="right((%(expressions)s)::text, 8)", **context)


class Day(models.Func):
    """The day of a moment, in UTC: on PostgreSQL a date; on SQLite its text, "2026-11-21".

    The first letters of what SQLite keeps, where a function of dates would be one of Python's, called by row.
    """

    arity = 1
    template = "substr(%(expressions)s, 1, 10)"
    output_field = models.CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        template = "(%(expressions)s AT TIME ZONE 'UTC')::date"
        return self.as_sql(compiler, connection, template=template, **context)


@models.Field.register_lookup
class Among(In):
    """`field__among=values`, for many values: like `in`, but PostgreSQL gets one list and not a place for each."""

    lookup_name = "among"

    def get_prep_lookup(self) -> Any:
        return self.rhs if isinstance(self.rhs, Slot) else super().get_prep_lookup()

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, before = self.process_lhs(compiler, connection)
        if isinstance(self.rhs, Slot):
            self.rhs.column = self.lhs.output_field
            return f"{column} = ANY(%s)", [*before, self.rhs]
        prepare = self.lhs.output_field.get_db_prep_value
        values = [prepare(value, connection, prepared=True) for value in self.rhs if value is not None]
        return f"{column} = ANY(%s)", [*before, values]


def refresh_statistics() -> None:
    """Let the planner look at the tables again: after many rows have come or were rewritten, and when a hub starts.

    Without it SQLite believes for ever what it saw when the tables were empty, and nothing at all of one that a
    migration has made anew. PostgreSQL looks by itself, later; until then it asks the table of every row that an
    index alone could have counted.
    """
    vacuum = connection.vendor == "postgresql" and not connection.in_atomic_block
    tables = connection.introspection.django_table_names(only_existing=True) if vacuum else []
    names = ", ".join(connection.ops.quote_name(name) for name in tables)
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM (ANALYZE) {names}" if names else "ANALYZE")


def insert_rows(model: type[models.Model], rows: Sequence[models.Model], *, at_once: int) -> None:
    """Insert new rows that have their keys: by COPY on PostgreSQL where there are many, else `at_once` a statement."""
    if connection.vendor != "postgresql" or len(rows) < COPY_ROWS:
        model._default_manager.bulk_create(rows, batch_size=at_once)
        return
    fields = model._meta.concrete_fields
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    cells = [_cell(field) for field in fields]
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([cell(row) for cell in cells])


def _cell(field: Any) -> Callable[[models.Model], Any]:
    """From a row to what COPY writes. Nine values in ten need no preparation, which costs more than the writing."""
    name = field.attname
    usual = AS_IT_IS.get((field.target_field if field.is_relation else field).get_internal_type())

    def cell(row: models.Model) -> Any:
        value = row.__dict__[name]
        if value is None or type(value) is usual:
            return value
        return field.get_db_prep_save(field.pre_save(row, True), connection)

    return cell
