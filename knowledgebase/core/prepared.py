"""Queries whose SQL is made once and asked with other values again and again; they know no table.

Making the SQL of one small query takes Django longer than answering it takes PostgreSQL, and what every request asks
is worth a shortcut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from knowledgebase.core.database import Slot


@dataclass(frozen=True)
class _Made:
    """SQL, its values with a Slot where one comes later, and by column what makes Python values of the answer."""

    sql: str
    params: Sequence[Any]
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]


@dataclass
class Prepared:
    """Rows of `build(names[0]=values, ...)`, a `values_list` in which each list of values stands in an `__among`."""

    build: Callable[..., QuerySet[Any, Any]]
    names: tuple[str, ...]
    _made: _Made | None = field(default=None, init=False)

    def rows(self, **values: Sequence[Any]) -> Iterable[tuple[Any, ...]]:
        """One tuple a row, as the query itself would give them."""
        if connection.vendor != "postgresql":
            # There each value has a place of its own in the SQL, so that it is never the same.
            return self.build(**values)
        made = self._made = self._made or self._make()
        params = [one.prepared(values[one.name]) if isinstance(one, Slot) else one for one in made.params]
        with connection.cursor() as cursor:
            cursor.execute(made.sql, params)
            return [self._converted(made, row) for row in cursor.fetchall()]

    def _make(self) -> _Made:
        query = self.build(**{name: Slot(name) for name in self.names}).query
        compiler = query.get_compiler(connection.alias)
        sql, params = compiler.as_sql()
        columns = [column[0] for column in compiler.select[: compiler.col_count]]
        return _Made(sql, params, compiler.get_converters(columns))

    @staticmethod
    def _converted(made: _Made, row: Sequence[Any]) -> tuple[Any, ...]:
        cells = list(row)
        for place, (converters, expression) in made.converters.items():
            for convert in converters:
                cells[place] = convert(cells[place], expression, connection)
        return tuple(cells)
