"""Values inside JSON columns as typed SQL: a number that is compared as a number, or NULL.

Knows SQLite and PostgreSQL, and no experience. What has another type than the one asked for counts as absent, so
that a text never equals, exceeds or sorts among numbers.
"""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, Expression, F, FloatField, Func, TextField, Value
from django.db.models.sql.compiler import SQLCompiler


class JsonValue(Func):
    """The value at `path` of a JSON column, where it has this class's type, else NULL.

    `column` may follow relations ("pipeline__hyperparameters"). ValueError for a path element that cannot be
    written in both databases.
    """

    arity = 2
    sqlite_types: tuple[str, ...] = ()
    postgres_type = ""
    sqlite_value = "JSON_EXTRACT(%(expressions)s)"
    postgres_value = "(%(expressions)s)"

    def __init__(self, column: str, path: tuple[str, ...], **extra: Any) -> None:
        if wrong := [part for part in path if '"' in part or "\\" in part or "\0" in part]:
            raise ValueError(f"{wrong[0]!r} holds a quotation mark, a backslash or a NUL")
        self.path = path
        super().__init__(F(column), Value("$" + "".join(f'."{part}"' for part in path)), **extra)

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **_extra: Any) -> Any:
        kinds = ", ".join(f"'{kind}'" for kind in self.sqlite_types)
        return self._twice(
            compiler,
            connection,
            f"CASE WHEN JSON_TYPE(%(expressions)s) IN ({kinds}) THEN {self.sqlite_value} END",
        )

    def as_postgresql(self, compiler: SQLCompiler, connection: Any, **_extra: Any) -> Any:
        column, _ = self.get_source_expressions()
        plain = Func(column, Value(list(self.path)), template="%(expressions)s", arg_joiner=" #>> ")
        typed = Func(column, Value(list(self.path)), template="%(expressions)s", arg_joiner=" #> ")
        kind, kind_values = compiler.compile(typed)
        text, text_values = compiler.compile(plain)
        sql = f"CASE WHEN JSONB_TYPEOF({kind}) = '{self.postgres_type}' THEN {self.postgres_cast(text)} END"
        return sql, (*kind_values, *text_values)

    def postgres_cast(self, text: str) -> str:
        return f"({text})"

    def _twice(self, compiler: SQLCompiler, connection: Any, template: str) -> Any:
        """The template names the arguments twice, so their values stand there twice."""
        sql, values = Func.as_sql(self, compiler, connection, template=template)
        return sql, (*values, *values)


class JsonNumber(JsonValue):
    sqlite_types = ("integer", "real")
    postgres_type = "number"
    output_field = FloatField()

    def postgres_cast(self, text: str) -> str:
        return f"({text})::double precision"


class JsonText(JsonValue):
    sqlite_types = ("text",)
    postgres_type = "string"
    output_field = TextField()


class JsonFlag(JsonValue):
    sqlite_types = ("true", "false")
    postgres_type = "boolean"
    output_field = BooleanField()

    def postgres_cast(self, text: str) -> str:
        return f"({text})::boolean"


class JsonNull(JsonValue):
    """Not NULL where a JSON null stands."""

    sqlite_types = ("null",)
    sqlite_value = "JSON_TYPE(%(expressions)s)"
    postgres_type = "null"
    output_field = TextField()

    def postgres_cast(self, text: str) -> str:
        return f"COALESCE({text}, 'null')"


def typed_value(column: str, path: tuple[str, ...], example: object) -> Expression:
    """The expression whose type fits what it is compared with."""
    if isinstance(example, bool):
        return JsonFlag(column, path)
    return JsonText(column, path) if isinstance(example, str) else JsonNumber(column, path)
