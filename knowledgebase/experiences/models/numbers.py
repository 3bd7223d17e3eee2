"""Numbers of the record, kept beside it: apart from texts and curves, so that filters read little.

`numbers_of` says which; both databases keep an index of those in NUMBERS, so that a million rows sort by them at
once. Every other name can be filtered and sorted by too, at the price of a look at each row. To index one more: a
line in NUMBERS and `makemigrations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import F, FloatField, Func
from django.db.models.sql.compiler import SQLCompiler

LARGEST = 1.7e308
# Field of the filter language -> the way into Experience.numbers.
NUMBERS: Mapping[str, tuple[str, ...]] = {
    "h.learning_rate": ("h", "learning_rate"),
    "h.epochs": ("h", "epochs"),
    "h.batch_size": ("h", "batch_size"),
    "h.lora_r": ("h", "lora_r"),
    "metrics.validation.accuracy": ("metrics", "validation", "accuracy"),
    "metrics.validation.f1_macro": ("metrics", "validation", "f1_macro"),
    "metrics.test.accuracy": ("metrics", "test", "accuracy"),
    "metrics.test.f1_macro": ("metrics", "test", "f1_macro"),
}


# Part of `numbers` -> where it stands in the record.
PARTS: Mapping[str, tuple[str, ...]] = {
    "h": ("pipeline", "hyperparameters"),
    "metrics": ("metrics",),
    "cost": ("cost",),
    "limits": ("limits",),
    "fidelity": ("fidelity",),
    "conditions": ("conditions",),
}


def numbers_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a record by part, and for metrics by split: `{"h": {"epochs": 3}, "metrics": {"test": {}}}`."""
    found = {}
    for part, way in PARTS.items():
        value: Any = record
        for name in way:
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, Mapping):
            found[part] = _numbers(value, depth=2 if part == "metrics" else 1)
    return found


def _numbers(values: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth > 1:
        nested = {name: part for name, part in values.items() if isinstance(part, Mapping)}
        return {name: _numbers(part, depth - 1) for name, part in nested.items()}
    return {name: value for name, value in values.items() if _is_number(value)}


def _is_number(value: object) -> bool:
    # What no double can hold would stop a comparison in the database.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


class RecordNumber(Func):
    """The number at one of the ways of NUMBERS, NULL where there is none.

    The way stands in the SQL and not beside it: an index of an expression is found by the expression. So nothing but
    the names above may come here. That only numbers stand in the column is what makes the expression this short.
    """

    output_field = FloatField()

    def __init__(self, *path: str) -> None:
        if path not in NUMBERS.values():
            raise ValueError(f"{'.'.join(path)} has no index; the names that have one stand in NUMBERS")
        self.path = path
        super().__init__(F("numbers"))

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **_extra: Any) -> Any:
        column, values = compiler.compile(self.source_expressions[0])
        way = "".join(f'."{part}"' for part in self.path)
        return f"json_extract({column}, '${way}')", values

    def as_postgresql(self, compiler: SQLCompiler, connection: Any, **_extra: Any) -> Any:
        column, values = compiler.compile(self.source_expressions[0])
        return f"(({column} #>> '{{{','.join(self.path)}}}')::double precision)", values
