"""The filters of the experience list, the same for pages and API: values from a URL to a query.

It knows no HTTP: the caller passes names and texts. An unknown name or a wrong value is a Problem that says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware

from knowledgebase.core.database import Tail
from knowledgebase.core.errors import Problem, invalid
from knowledgebase.experiences.expressions import among_choices, choices_of, condition
from knowledgebase.experiences.expressions.nouns import keys, pointing
from knowledgebase.experiences.models import Experience

SHOWN_ID = re.compile("[0-9a-fA-F]{8}")


@dataclass(frozen=True)
class ExperienceFilters:
    """Several values of one field are alternatives, comma-separated; different fields hold together."""

    task: str = ""
    method: str = ""
    language_model: str = ""
    status: str = ""
    team: str = ""
    via: str = ""
    since: str = ""
    q: str = ""
    filter: str = ""

    @classmethod
    def parse(cls, values: Mapping[str, str], *, beside: tuple[str, ...] = ()) -> ExperienceFilters:
        """From a query string; ``beside`` names parameters that are somebody else's."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known - set(beside)):
            detail = f"filter {unknown[0][:80]!r} does not exist; choose from {', '.join(sorted(known))}"
            raise Problem(400, "unknown_filter", "Unknown filter", detail)
        if nul := [name for name, value in values.items() if "\0" in value]:
            raise invalid(nul[0], "holds a NUL character, which no stored text does")
        return cls(**{name: values[name].strip() for name in known & set(values)})

    def condition(self) -> Q:
        """The WHERE of these filters. Problem 422 for a value that cannot be."""
        found = Q()
        if self.task:
            names = parts(self.task)
            called = pointing("task_description", Q(name__in=names))
            found &= pointing("task", Q(digest__in=names)) | called
        if self.method:
            found &= Q(method__in=parts(self.method))
        if self.language_model:
            names = parts(self.language_model)
            found &= pointing("language_model", Q(key__in=names) | Q(name__in=names))
        if self.status:
            found &= Q(status__in=self._statuses())
        if self.team:
            found &= pointing("team", Q(slug__in=parts(self.team)))
        if self.via:
            found &= Q(via__in=parts(self.via))
        if self.since:
            found &= Q(received_at__gte=self._since())
        if self.q:
            named = Q(name__icontains=self.q)
            ids = identified(self.q)
            wanted = ids | pointing("task_description", named) | pointing("language_model", named)
            # Left out where it says nothing: beside another leg SQLite would read the whole store.
            if Experience.objects.filter(method=self.q).exists():
                wanted |= Q(method=self.q)
            found &= wanted
        return found & condition(self.filter)

    def active(self) -> dict[str, str]:
        """The filters that are set, for links and chips."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name))}

    def _statuses(self) -> list[str]:
        found: list[str] = []
        for word in parts(self.status):
            meant = among_choices("status", word)
            if meant is None:
                raise invalid("status", f"{word[:80]!r} is no outcome; choose from {choices_of('status')}")
            found += meant
        return found

    def _since(self) -> datetime:
        try:
            moment = parse_datetime(self.since)
            if moment is None and (day := parse_date(self.since)) is not None:
                moment = datetime(day.year, day.month, day.day)
            if moment is not None:
                # To UTC here: at the ends of the calendar an offset leads out of it.
                return (make_aware(moment) if is_naive(moment) else moment).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise invalid(
            "since", f"{self.since[:80]!r} is no date; write it as 2026-11-21 or 2026-11-21T10:00:00Z"
        )


def identified(text: str) -> Q:
    """Experiences with this id, or with the eight letters at its end that pages show; empty where there are none."""
    if SHOWN_ID.fullmatch(text):
        rows = Experience.objects.alias(tail=Tail("pk")).filter(tail=text.lower())
    else:
        try:
            rows = Experience.objects.filter(pk=UUID(text))
        except ValueError:
            return Q()
    found = keys(rows.order_by())
    return Q() if found == [] else Q(pk__in=found)


def parts(text: str) -> list[str]:
    """Alternatives, separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]
