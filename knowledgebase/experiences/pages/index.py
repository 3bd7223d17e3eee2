"""The list of experiences: filters, chosen columns and order stand in the address and nowhere else.

Reading is in selectors, the language of fields in expressions; this only lays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from knowledgebase.accounts.models import User
from knowledgebase.core import charts, formats
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import selectors
from knowledgebase.experiences.expressions import (
    Field,
    Ordering,
    field_named,
    known_fields,
    names_in,
    ordering,
)
from knowledgebase.experiences.filters import ExperienceFilters
from knowledgebase.experiences.models import Experience

PAGE_ROWS = 50
MAX_COLUMNS = 16
COLUMNS = ("task", "language_model", "method", "status", "score", "seconds", "memory", "received")
# Offered as ticks; every other field of the filter language can be typed.
OFFERED = (
    *COLUMNS,
    "cause",
    "phase",
    "train_rows",
    "owner",
    "h.learning_rate",
    "h.epochs",
    "h.batch_size",
    "h.lora_r",
)
NARROW = frozenset(
    {"task", "status", "score", "seconds"}
)  # what a phone shows; the method stands below the task
LABELS = {"seconds": "time", "status": "outcome"}
# What a row needs besides its columns: where it leads, and where a failure happened.
HIDDEN = ("task_digest", "phase", "language_model_key", "method")


@dataclass(frozen=True)
class Chip:
    """One filter that is set, and the address without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True)
class StatusLink:
    """One outcome in these rows, how many, and the address that shows only it."""

    status: str
    count: int
    address: str
    is_chosen: bool


@dataclass(frozen=True)
class Column:
    """One column: `sort` is "", "ascending" or "descending"; `address` sorts by it, the other way if it does."""

    name: str
    label: str
    is_number: bool
    is_wide: bool
    sort: str
    address: str


@dataclass(frozen=True)
class Cell:
    """One value: as text for people, and as it is for outcomes, methods and times."""

    column: Column
    text: str
    value: object


@dataclass(frozen=True)
class Row:
    id: str
    task_digest: str
    phase: str
    language_model: str
    method: str
    cells: list[Cell]


@dataclass(frozen=True)
class Wish:
    """What the address asks for."""

    filters: ExperienceFilters
    order: str
    columns: tuple[str, ...]

    def address(self, **changes: str) -> str:
        """The same list with something changed; "" leaves it out. Defaults are not written."""
        parts = {**self.filters.active(), "order": self.order, "columns": ",".join(self.columns)}
        parts |= changes
        if parts["columns"] == ",".join(COLUMNS):
            parts["columns"] = ""
        query = urlencode({name: value for name, value in parts.items() if value}, safe=",:")
        return "/experiences/" + (f"?{query}" if query else "")


@dataclass(frozen=True)
class IndexPage:
    """A page of experiences; `older` is the address of the next page or empty.

    `is_exact`: `total` counts all that were found; `all_counted`: the outcomes are of all and not of the newest.

    `csv` and `ndjson` have the columns that are shown and the id, `records` everything that was logged.
    """

    wish: Wish
    rows: list[Row] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    total: int = 0
    is_exact: bool = True
    all_counted: bool = True
    chips: list[Chip] = field(default_factory=list)
    statuses: list[StatusLink] = field(default_factory=list)
    strip: charts.Strip | None = None
    offered: list[tuple[str, str, bool]] = field(default_factory=list)
    typed: str = ""
    older: str = ""
    newest: str = ""
    api: str = ""
    csv: str = ""
    ndjson: str = ""
    records: str = ""
    scatter: str = ""
    known: list[str] = field(default_factory=known_fields)
    problem: str = ""


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    user, status = cast(User, request.user), 200
    try:
        page = index_page(user, wished(request), request.GET.get("after", ""))
    except Problem as error:
        wish, status = what_stays(request, error), error.status
        page = IndexPage(wish, chips=chips_of(wish), problem=error.detail)
    return render(
        request, "experiences/index.html", {"page": page, "find": page.wish.filters.q}, status=status
    )


def wished(request: HttpRequest) -> Wish:
    """The address as typed values; ticks and typed columns come as several parameters. Problem 400 or 422."""
    given = {name: ",".join(request.GET.getlist(name)) for name in request.GET}
    names = names_in(given.pop("columns", ""))
    columns = tuple(dict.fromkeys(names))[:MAX_COLUMNS] or COLUMNS
    order = given.pop("order", "")
    return Wish(ExperienceFilters.parse(given, beside=("after",)), order, columns)


def what_stays(request: HttpRequest, error: Problem) -> Wish:
    """The address again where only its expression was wrong; else what was typed, since the rest may be at fault."""
    given = {name: request.GET.get(name, "") for name in ("filter", "q")}
    if error.code == "invalid_filter":
        wish = wished(request)
        return replace(wish, filters=replace(wish.filters, filter=given["filter"]))
    return Wish(ExperienceFilters(**given), "", COLUMNS)


def chips_of(wish: Wish) -> list[Chip]:
    return [Chip(name, value, wish.address(**{name: ""})) for name, value in wish.filters.active().items()]


def index_page(user: User, wish: Wish, after: str) -> IndexPage:
    """Read one page of rows; Problem for a field, an order or a cursor that cannot be."""
    by = ordering(wish.order)
    shown = [field_named(name) for name in wish.columns]
    hidden = [field_named(name) for name in HIDDEN]
    found = selectors.experience_list(user, wish.filters)
    page = by.page(selectors.experience_fields(found, [*hidden, *shown]), after, PAGE_ROWS)
    columns = [column_of(one, wish, by) for one in shown]
    active = wish.filters.active()
    counts, all_counted = outcomes_beside(user, wish.filters)
    total, is_exact = selectors.outcome_counts(found) if wish.filters.status else (counts, all_counted)
    query = wish.address().partition("?")[2]
    fields = f"fields={','.join(('id', *wish.columns))}"
    export = "/api/v1/experiences/export/?" + "&".join(
        part for part in (query.replace("columns=", "fields="),) if part
    )
    return IndexPage(
        wish=wish,
        rows=[row_of(row, columns) for row in page.rows],
        columns=columns,
        total=sum(total.values()),
        is_exact=is_exact,
        all_counted=all_counted,
        chips=chips_of(wish),
        statuses=[
            StatusLink(status, count, wish.address(status=status), wish.filters.status == status)
            for status, count in counts.items()
        ],
        strip=charts.outcome_strip("outcomes", "Outcomes of these experiences", counts),
        offered=[(name, label_of(name), name in wish.columns) for name in OFFERED],
        typed=", ".join(name for name in wish.columns if name not in OFFERED),
        older=joined(wish.address(), f"after={page.behind}") if page.behind else "",
        newest=wish.address() if after else "",
        api="/api/v1" + wish.address(columns=""),
        csv=joined(export, f"as=csv&{fields}", drop="fields"),
        ndjson=joined(export, f"as=ndjson&{fields}", drop="fields"),
        records=joined(export, "as=ndjson", drop="fields"),
        scatter=reverse("experiences:scatter") + (f"?{urlencode(active)}" if active else ""),
    )


def joined(address: str, more: str, *, drop: str = "") -> str:
    """An address with another parameter, and without one."""
    path, _, query = address.partition("?")
    kept = [part for part in query.split("&") if part and not (drop and part.startswith(f"{drop}="))]
    return path + "?" + "&".join([*kept, more])


def outcomes_beside(user: User, filters: ExperienceFilters) -> tuple[dict[str, int], bool]:
    """The outcomes to choose from: of what the other filters leave, and whether all of it was counted."""
    others = without_status(filters)
    if not others.active():
        return selectors.visible_outcomes(user), True
    return selectors.outcome_counts(selectors.experience_list(user, others))


def without_status(filters: ExperienceFilters) -> ExperienceFilters:
    return ExperienceFilters(**{name: value for name, value in filters.active().items() if name != "status"})


def label_of(name: str) -> str:
    return LABELS.get(name) or formats.words(name.removeprefix("h.").replace(".", " "))


def column_of(one: Field, wish: Wish, by: Ordering) -> Column:
    is_sorted = by.field is not None and by.field.name == one.name
    downwards = is_sorted and by.descending
    is_number = one.kind == "number" or one.name.startswith("h.") or one.name == "received"
    return Column(
        name=one.name,
        label=label_of(one.name),
        is_number=is_number,
        is_wide=one.name not in NARROW and one.name in COLUMNS,
        sort=("descending" if downwards else "ascending") if is_sorted else "",
        address=wish.address(
            order=one.name if downwards or (not is_sorted and not is_number) else f"-{one.name}"
        ),
    )


def row_of(row: Experience, columns: Sequence[Column]) -> Row:
    digest, phase, key, method = (getattr(row, f"field_{place}") or "" for place in range(len(HIDDEN)))
    model = formats.language_model(key) if key else ""
    cells = []
    for place, column in enumerate(columns, start=len(HIDDEN)):
        value = getattr(row, f"field_{place}")
        # The name alone does not tell apart what is cut to its first layers.
        text = model if column.name == "language_model" else shown_as(column.name, value)
        cells.append(Cell(column, text, value))
    return Row(str(row.pk), digest, phase, model, method, cells)


def shown_as(name: str, value: object) -> str:
    """A value in the words of its field; "" for what is missing."""
    if value is None or value == "":
        return ""
    if isinstance(value, datetime):
        return formats.stamp(value)
    if name in ("memory", "device_memory") or name.endswith("_bytes"):
        return formats.size(cast(float, value))
    if name in ("seconds", "cpu_seconds") or name.endswith("_s"):
        return formats.seconds(cast(float, value))
    if name == "score" or name.startswith("metrics."):
        return formats.score(cast(float, value))
    if name in ("train_rows", "parameters", "trainable_parameters"):
        return formats.count(cast(int, value))
    if name == "language_model":
        return str(value).rpartition("/")[2]
    if name.startswith("h."):
        return formats.hyperparameter(name[2:], value)
    return (
        formats.figure(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(value)
    )
