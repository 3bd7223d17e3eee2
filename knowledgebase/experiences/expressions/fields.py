"""The fields an expression may name: where each lives and what kind of value it has. Knows no grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal as Kinds

from django.db.models import Expression, F
from django.db.models.fields.json import KeyTransform
from tunelore.record import STATUSES

from knowledgebase.core.errors import Problem
from knowledgebase.experiences.expressions.json_values import JsonNumber, typed_value
from knowledgebase.experiences.models import NUMBERS, Experience, RecordNumber

Kind = Kinds["number", "text", "time", "flag", "any"]


@dataclass(frozen=True)
class Field:
    """`column` follows relations; `path` leads into a JSON column, () where the column is the value itself.

    `numbers`: the way into Experience.numbers, for what has its numbers there; () for the rest.
    """

    name: str
    kind: Kind
    column: str
    path: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    def expression(self, example: object = 0.0) -> Expression | F:
        """The value in a query, of the type of `example` where the field may hold any."""
        if not isinstance(example, str | bool):
            return self.sortable()
        return typed_value(self.column, self.path, example) if self.path else F(self.column)

    def shown(self) -> Expression | F:
        """The value as it is, of whatever type."""
        found: Expression | F = F(self.column)
        for part in self.path:
            found = KeyTransform(part, found)
        return found

    def sortable(self) -> Expression | F:
        """What to sort by: numbers of a JSON column, the column itself elsewhere."""
        if self.name in NUMBERS:
            return RecordNumber(*NUMBERS[self.name])
        if self.numbers:
            return JsonNumber("numbers", self.numbers)
        return JsonNumber(self.column, self.path) if self.path else F(self.column)


COLUMNS: dict[str, tuple[Kind, str]] = {
    "score": ("number", "score"),
    "seconds": ("number", "evaluation_s"),
    "cpu_seconds": ("number", "cpu_s"),
    "memory": ("number", "host_memory_bytes"),
    "device_memory": ("number", "device_memory_bytes"),
    "train_rows": ("number", "train_rows"),
    "parameters": ("number", "language_model_description__parameters"),
    "id": ("text", "id"),
    "digest": ("text", "digest"),
    "method": ("text", "method"),
    "status": ("text", "status"),
    "cause": ("text", "cause"),
    "phase": ("text", "phase"),
    "metric": ("text", "primary_metric"),
    "split": ("text", "primary_split"),
    "task": ("text", "task_description__name"),
    "task_digest": ("text", "task__digest"),
    "kind": ("text", "task__kind"),
    "domain": ("text", "task_description__domain"),
    "language_model": ("text", "language_model__name"),
    "language_model_key": ("text", "language_model__key"),
    "architecture": ("text", "language_model_description__architecture"),
    "space": ("text", "space"),
    "via": ("text", "via"),
    "visibility": ("text", "visibility"),
    "team": ("text", "team__slug"),
    "owner": ("text", "owner__username"),
    "origin": ("text", "origin"),
    "licence": ("text", "licence"),
    "started": ("time", "started_at"),
    "finished": ("time", "finished_at"),
    "received": ("time", "received_at"),
    "provisional": ("flag", "provisional"),
}
# Fields with few values, and a word for several of them.
FAILED = ("oom", "timeout", "diverged", "error")
CHOICES: dict[str, tuple[str, ...]] = {
    "status": STATUSES,
    "visibility": tuple(Experience.Visibility.values),
}
GROUPS = {"status": {"failed": FAILED}}
# Prefix -> JSON column and the way into it. What follows the prefix is a name of the record's own.
PREFIXES: dict[str, tuple[str, tuple[str, ...]]] = {
    "h": ("pipeline__hyperparameters", ()),
    "meta": ("task_description__metafeatures", ("values",)),
    "lm": ("language_model_description__features", ()),
    "system": ("system__features", ()),
    "metrics": ("record", ("metrics",)),
    "cost": ("record", ("cost",)),
    "limits": ("record", ("limits",)),
    "conditions": ("record", ("conditions",)),
    "fidelity": ("record", ("fidelity",)),
}
PARTS_OF_NUMBERS = frozenset({"h", "metrics", "cost", "limits", "fidelity", "conditions"})
NAMES = re.compile(r'(?:[^,"]|"[^"]*(?:"|$))+')
PARTS = re.compile(r'([^."]+|"[^"\\]+")(?:\.|$)')


def known_fields() -> list[str]:
    """Every name, prefixes with what follows them."""
    return [
        *COLUMNS,
        *(f"{prefix}.<name>" for prefix in PREFIXES if prefix != "metrics"),
        "metrics.<split>.<name>",
    ]


def among_choices(name: str, value: str) -> tuple[str, ...] | None:
    """What a value of this field stands for: itself where any is possible; None for none of the known ones."""
    if name not in CHOICES or value in CHOICES[name]:
        return (value,)
    return GROUPS.get(name, {}).get(value)


def choices_of(name: str) -> str:
    """The values of a field with few, and the words for several, to choose from."""
    return ", ".join((*GROUPS.get(name, {}), *CHOICES[name]))


def names_in(text: str) -> list[str]:
    """Names of fields between commas; a comma in quotation marks is part of a name."""
    return [name.strip() for name in NAMES.findall(text) if name.strip()]


def field_named(name: str) -> Field:
    """The field of this name; Problem 400 with the known names for another."""
    if name.lower() in COLUMNS:
        kind, column = COLUMNS[name.lower()]
        return Field(name.lower(), kind, column)
    parts = [part.strip('"') for part in PARTS.findall(name)]
    whole = ".".join(PARTS.findall(name)) == name
    prefix, rest = (parts[0], tuple(parts[1:])) if parts else ("", ())
    wanted = 2 if prefix == "metrics" else 1
    if not whole or prefix not in PREFIXES or len(rest) != wanted or not all(rest):
        detail = f"there is no field {name[:80]!r}; choose from {', '.join(known_fields())}"
        if whole and prefix in PREFIXES and len(rest) > wanted and all(rest):
            quoted = ".".join([prefix, *rest[: wanted - 1], f'"{".".join(rest[wanted - 1 :])}"'])
            detail = (
                f"there is no field {name[:80]!r}; a name with dots stands in quotation marks: {quoted[:80]}"
            )
        raise Problem(400, "unknown_field", "Unknown field", detail)
    column, way = PREFIXES[prefix]
    return Field(name, "any", column, (*way, *rest), (prefix, *rest) if prefix in PARTS_OF_NUMBERS else ())
