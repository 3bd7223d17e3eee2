"""Experiences side by side: what differs, and what does not. It knows no row but through selectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from knowledgebase.accounts.models import User
from knowledgebase.core import charts, formats
from knowledgebase.experiences import selectors
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.pages.compare_fields import FieldRow, field_rows, number

MOST = 8
LETTERS = "ABCDEFGH"
MOST_PLACES = 8


@dataclass(frozen=True)
class Figure:
    """A chart, the template that draws it, and its caption."""

    title: str
    template: str
    chart: Any
    said: str


@dataclass(frozen=True)
class ComparePage:
    rows: list[Experience]
    letters: str
    differing: list[FieldRow]
    equal: list[FieldRow]
    missing: int
    figures: list[Figure]


@require_GET
@login_required
def compare(request: HttpRequest) -> HttpResponse:
    """Two to eight experiences, by id, in the order they were named."""
    user = cast(User, request.user)
    ids = [one for one in dict.fromkeys(map(known_id, request.GET.getlist("id"))) if one]
    found = selectors.experience_list(user).defer(None).in_bulk(ids[:MOST]) if ids else {}
    rows = [found[one] for one in ids if one in found]
    return render(request, "experiences/compare.html", {"page": compare_page(rows, len(ids) - len(rows))})


def known_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def compare_page(rows: Sequence[Experience], missing: int) -> ComparePage:
    fields = field_rows([row.record for row in rows], of_one_task=len({row.task_id for row in rows}) == 1)
    return ComparePage(
        rows=list(rows),
        letters=LETTERS[: len(rows)],
        differing=[one for one in fields if not one.is_equal],
        equal=[one for one in fields if one.is_equal],
        missing=missing,
        figures=figures(rows),
    )


def figures(rows: Sequence[Experience]) -> list[Figure]:
    """When they parted, and where they stand; only those that there is something to draw of."""
    lines = "charts/lines.html"
    found = []
    if score := scores(rows):
        found.append(Figure("Score against time spent", lines, score, score.finding))
    if loss := losses(rows):
        found.append(Figure("Training loss", lines, loss, loss.finding))
    if where := positions(rows):
        said = "The ends of a line are the least and the most of these."
        found.append(Figure("Where each lies", "charts/places.html", where, said))
    return found


def scores(rows: Sequence[Experience]) -> charts.LineChart | None:
    """The score on validation rows over the seconds of each run, where it was taken more than once."""
    metric = next(
        (one["metric"] for row in rows if (one := row.record.get("primary")) and one.get("metric")), None
    )
    if metric is None:
        return None
    series = drawn(rows, "seconds", (f"eval_{metric}", metric))
    axis = f"{formats.words(metric)}, validation"
    time = "seconds since start, on each run's own system"
    title = "Score against time spent"
    return charts.line_chart("scores", title, axis, time, series, where="after {} s", most=MOST)


def losses(rows: Sequence[Experience]) -> charts.LineChart | None:
    """The training loss of each run over its steps, where it was logged."""
    series = drawn(rows, "step", ("loss",))
    return charts.line_chart("curves", "Training loss", "loss", "step", series, from_zero=True, most=MOST)


def drawn(rows: Sequence[Experience], along: str, names: Sequence[str]) -> list[charts.Series]:
    """Of each run the points that have a place and the first of these values that they know."""
    found = []
    for letter, row in zip(LETTERS, rows, strict=False):
        points = []
        for point in row.record.get("curve") or []:
            values = point.get("values") or {}
            value = next((one for name in names if (one := number(values.get(name))) is not None), None)
            place = number(point.get(along))
            if place is not None and value is not None:
                points.append((place, value))
        if points:
            name = f"{letter} {formats.words(row.method)}"
            found.append(charts.Series(name, tuple(sorted(points)), mark=letter))
    return found


def positions(rows: Sequence[Experience]) -> charts.Places | None:
    """The hyper-parameters that are numbers and differ, and the size of the language model."""
    chosen = [(row.record.get("pipeline") or {}).get("hyperparameters") or {} for row in rows]
    names = list(dict.fromkeys(name for one in chosen for name in one))
    numbers = [numbers_of(name, [one.get(name) for one in chosen], formats.hyperparameter) for name in names]
    features = [(row.record.get("language_model") or {}).get("features") or {} for row in rows]
    sizes = [one.get("parameters") for one in features]
    numbers.append(numbers_of("parameters", sizes, lambda _, value: formats.parameters(number(value))))
    differing = [one for one in numbers if len(set(one.values) - {None}) > 1]
    return charts.places("places", "Where each lies", LETTERS[: len(rows)], differing[:MOST_PLACES])


def numbers_of(name: str, given: Sequence[object], words: Callable[[str, object], str]) -> charts.Numbers:
    """What all runs have under this name; texts and truths are no numbers."""
    values = [number(one) for one in given]
    return charts.Numbers(formats.words(name), values, [words(name, value) for value in values])
