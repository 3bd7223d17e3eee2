"""Any two numbers of the same experiences against each other: of a filtered list, or of a few named runs.

The fields are those of the filter language; reading is in selectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from knowledgebase.accounts.models import User
from knowledgebase.core import charts
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import selectors
from knowledgebase.experiences.expressions import Field, field_named, known_fields
from knowledgebase.experiences.filters import ExperienceFilters
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.pages.compare import MOST, known_id
from knowledgebase.experiences.pages.index import label_of, shown_as

MOST_DOTS = 1_000
DEFAULT = ("seconds", "score")
ABOUT = ("method", "task", "status")


@dataclass(frozen=True)
class ScatterPage:
    """The chart; `missing` of the `looked_at` runs lack one of the two numbers, failed ones above all."""

    x: str
    y: str
    filters: ExperienceFilters
    ids: list[str] = field(default_factory=list)
    chart: charts.Scatter | None = None
    looked_at: int = 0
    missing: int = 0
    is_cut: bool = False
    back: str = "/experiences/"
    known: list[str] = field(default_factory=known_fields)
    problem: str = ""

    @property
    def title(self) -> str:
        return f"{label_of(self.y)} against {label_of(self.x)}"


@require_GET
@login_required
def scatter(request: HttpRequest) -> HttpResponse:
    """x and y name fields; `id` names runs, else the filters choose them."""
    given = {name: ",".join(request.GET.getlist(name)) for name in request.GET if name != "id"}
    x, y = (given.pop(axis, "").strip() or name for axis, name in zip("xy", DEFAULT, strict=True))
    ids = [str(one) for one in dict.fromkeys(map(known_id, request.GET.getlist("id"))) if one][:MOST]
    status = 200
    try:
        page = scatter_page(cast(User, request.user), x, y, ExperienceFilters.parse(given), ids)
    except Problem as error:
        page, status = ScatterPage(x, y, ExperienceFilters(), ids, problem=error.detail), error.status
    return render(request, "experiences/scatter.html", {"page": page}, status=status)


def scatter_page(user: User, x: str, y: str, filters: ExperienceFilters, ids: list[str]) -> ScatterPage:
    """Problem for a field or a filter that cannot be."""
    axes = [field_named(x), field_named(y)]
    rows = selectors.experience_list(user, filters)
    if ids:
        rows = rows.filter(pk__in=ids)
    found = read(rows, axes)
    letters = dict(zip(ids, "ABCDEFGH", strict=False))
    dots = [dot_of(row, (x, y), letters.get(str(row.pk), "")) for row in found[:MOST_DOTS]]
    shown = [dot for dot in dots if dot is not None]
    chart = charts.scatter(
        "scatter",
        (label_of(x), label_of(y)),
        shown,
        (lambda v: shown_as(x, v), lambda v: shown_as(y, v)),
        may_be_log=(not is_share(x, [dot.x for dot in shown]), not is_share(y, [dot.y for dot in shown])),
    )
    query = urlencode([("id", one) for one in ids] or list(filters.active().items()))
    back = (reverse("experiences:compare") if ids else "/experiences/") + (f"?{query}" if query else "")
    return ScatterPage(
        x, y, filters, ids, chart, len(dots), len(dots) - len(shown), len(found) > MOST_DOTS, back
    )


def read(rows: QuerySet[Experience], axes: Sequence[Field]) -> list[Experience]:
    """The newest runs with nothing but the two fields and what a mark tells."""
    return list(selectors.experience_fields(rows, [*map(field_named, ABOUT), *axes])[: MOST_DOTS + 1])


def dot_of(row: Experience, names: tuple[str, str], letter: str) -> charts.Dot | None:
    method, task, status = (getattr(row, f"field_{place}") or "" for place in range(len(ABOUT)))
    x, y = (getattr(row, f"field_{place}") for place in (len(ABOUT), len(ABOUT) + 1))
    if not (is_number(x) and is_number(y)):
        return None
    told = f"{shown_as(names[0], x)}, {shown_as(names[1], y)}"
    words = f"{method} on {task or 'an unnamed task'}, {status}: {told}"
    address = reverse("experiences:detail", args=[row.pk])
    return charts.Dot(float(x), float(y), method, words, address, letter)


def is_share(name: str, values: Sequence[float]) -> bool:
    """Whether these are scores: of a field that holds them, and all between 0 and 1, which a loss need not be."""
    return name == "score" or (name.startswith("metrics.") and all(0 <= value <= 1 for value in values))


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
