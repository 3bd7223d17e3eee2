"""A tree to the WHERE of a query: types are checked here, and what has no value is never true.

`not` is the complement: `not score > 0.5` finds runs without a score too, `score <= 0.5` does not. Knows no text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Expression, F, Q
from django.db.models.fields.json import HasKey, KeyTransform
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, IsNull, LessThan, LessThanOrEqual
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware

from knowledgebase.experiences.expressions.fields import Field, among_choices, choices_of, field_named
from knowledgebase.experiences.expressions.grammar import Comparison, Joined, Literal, Not, Tree, parse, wrong
from knowledgebase.experiences.expressions.json_values import JsonNull
from knowledgebase.experiences.expressions.nouns import FEW_KEYS, NOUNS, keys, named

NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([A-Za-z]*)")
UNITS = {"": 1, "s": 1, "min": 60, "h": 3600, "d": 86400, "B": 1, "k": 1e3, "M": 1e6, "G": 1e9}
UNITS |= {"KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
LOOKUPS = {"=": "exact", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
COMPARE: dict[str, Callable[..., Expression]] = {
    "=": Exact, "<": LessThan, "<=": LessThanOrEqual, ">": GreaterThan, ">=": GreaterThanOrEqual,
}  # fmt: skip
LAST = datetime.max.replace(tzinfo=UTC)
FLAGS = {"true": True, "false": False, "yes": True, "no": False}


@dataclass(frozen=True)
class Day:
    """A date without a time: all of that day (UTC), up to the moment where the next one begins."""

    begins: datetime
    ends: datetime


Value = float | str | bool | datetime | Day | UUID


def condition(text: str) -> Q:
    """The condition of an expression; everything for "". Problem 400 that names what is wrong and where."""
    return _Compiler(text).tree(parse(text)) if text.strip() else Q()


class _Compiler:
    def __init__(self, text: str) -> None:
        self.text = text

    def tree(self, tree: Tree) -> Q:
        if isinstance(tree, Not):
            return ~self.tree(tree.of)
        if isinstance(tree, Joined):
            found = self.tree(tree.parts[0])
            for part in tree.parts[1:]:
                found = found & self.tree(part) if tree.every else found | self.tree(part)
            return found
        return self.comparison(tree)

    def comparison(self, one: Comparison) -> Q:
        field = field_named(one.field)
        if one.operator == "missing":
            return missing(field)
        if one.operator in ("=", "!=", "in"):
            found = any_of(field, [value for literal in one.values for value in self.meant(field, literal)])
            return ~missing(field) & ~found if one.operator == "!=" else found
        values = [self.value(field, literal) for literal in one.values]
        if one.operator == "..":
            self.ordered(field, one, values[0])
            return holds(field, ">=", values[0]) & holds(field, "<=", values[1])
        if one.operator == "~":
            return self.contains(field, one, values[0])
        self.ordered(field, one, values[0])
        return holds(field, one.operator, values[0])

    def contains(self, field: Field, one: Comparison, value: Value) -> Q:
        if field.kind != "text" or field.name == "id":
            raise wrong(self.text, one.at, f"~ looks into texts, and {field.name} is none")
        return of_its_noun(field, lambda own: Q(**{f"{own.column}__icontains": value}))

    def ordered(self, field: Field, one: Comparison, value: Value) -> None:
        if field.kind in ("text", "flag") or (field.kind == "any" and isinstance(value, str | bool)):
            raise wrong(self.text, one.at, f"{field.name} has no order there; compare it with = or in")

    def meant(self, field: Field, literal: Literal) -> Sequence[Value]:
        """What an equal one may be: one value, or several that a word stands for."""
        value = self.value(field, literal)
        if not isinstance(value, str):
            return [value]
        found = among_choices(field.name, value)
        if found is None:
            message = f"{value[:40]!r} is no {field.name}; choose from {choices_of(field.name)}"
            raise wrong(self.text, literal.at, message)
        return found

    def value(self, field: Field, literal: Literal) -> Value:
        """A literal as a value of the field's kind; a field that may hold any takes what it looks like."""
        text = literal.text
        if field.kind == "text":
            return self.known_id(literal) if field.name == "id" else text
        if field.kind == "time":
            return self.time(literal)
        if field.kind in ("flag", "any") and not literal.quoted and text.lower() in FLAGS:
            return FLAGS[text.lower()]
        if field.kind == "flag":
            raise wrong(self.text, literal.at, f"{field.name} is true or false, not {text[:40]!r}")
        number = None if literal.quoted else as_number(text)
        if number is None and field.kind == "number":
            raise wrong(self.text, literal.at, f"{field.name} is a number, and {text[:40]!r} is none")
        return text if number is None else number

    def known_id(self, literal: Literal) -> UUID:
        try:
            return UUID(literal.text)
        except ValueError:
            raise wrong(self.text, literal.at, f"{literal.text[:40]!r} is no id") from None

    def time(self, literal: Literal) -> datetime | Day:
        try:
            if (day := parse_date(literal.text)) is not None:
                begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
                return Day(begins, LAST if begins.date() == LAST.date() else begins + timedelta(days=1))
            moment = parse_datetime(literal.text)
            if moment is not None:
                return (make_aware(moment) if is_naive(moment) else moment).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        message = f"{literal.text[:40]!r} is no date; write 2026-11-21 or 2026-11-21T10:00:00Z"
        raise wrong(self.text, literal.at, message)


def as_number(text: str) -> float | None:
    """1e-4, 512, 2GiB, 30min; None for what is no finite number."""
    match = NUMBER.fullmatch(text)
    if match is None or match[2] not in UNITS:
        return None
    number = float(match[1]) * UNITS[match[2]]
    return number if abs(number) < 1e300 else None


def any_of(field: Field, values: Sequence[Value]) -> Q:
    found = holds(field, "=", values[0])
    for value in values[1:]:
        found |= holds(field, "=", value)
    return found


def holds(field: Field, sign: str, value: Value) -> Q:
    """A comparison that is false, and not unknown, where there is no value."""
    if isinstance(value, Day):
        if sign == "=":
            return holds(field, ">=", value.begins) & holds(field, "<", value.ends)
        behind = sign in ("<=", ">")
        return holds(field, "<" if sign[0] == "<" else ">=", value.ends if behind else value.begins)

    def compared(own: Field) -> Q:
        if not own.path:
            return Q(**{f"{own.column}__{LOOKUPS[sign]}": value})
        expression = own.expression(value)
        return Q(COMPARE[sign](expression, value)) & Q(IsNull(expression, False))

    return of_its_noun(field, compared)


def of_its_noun(field: Field, compared: Callable[[Field], Q]) -> Q:
    """What holds of a task, language model, system, team or person is asked of those, and not of each experience.

    Unless it holds of many: then a page is full soon, whichever way the store is gone through.
    """
    noun, _, column = field.column.partition("__")
    if noun not in NOUNS:
        return compared(field)
    found = keys(named(noun, compared(replace(field, column=column))), FEW_KEYS)
    return Q(**{f"{noun}__in": found}) if isinstance(found, list) else compared(field)


def missing(field: Field) -> Q:
    """No value of any kind; an empty text is none, and null neither."""
    if not field.path:
        none = Q(**{f"{field.column}__isnull": True})
        return none | Q(**{field.column: ""}) if field.kind == "text" and field.name != "id" else none
    if not field.numbers:
        return ~there(field)
    no_number = Q(IsNull(field.expression(0.0), True))
    # A metric is a number or nothing; elsewhere a text may stand in a number's place.
    return no_number if field.numbers[0] == "metrics" else no_number & ~there(field)


def there(field: Field) -> Q:
    """Something stands there. Asked for the key, PostgreSQL guesses well how many have it; for a value it does not."""
    inside: Expression | F = F(field.column)
    for part in field.path[:-1]:
        inside = KeyTransform(part, inside)
    # The first keeps it true or false where there is nothing to ask for a key.
    known = Q(IsNull(inside, False)) & Q(HasKey(inside, field.path[-1]))
    return known & Q(IsNull(JsonNull(field.column, field.path), True))
