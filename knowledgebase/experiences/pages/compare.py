"""Experiences side by side: what differs, and what does not. It knows no row but through selectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from knowledgebase.experiences.pages.index import shown_as

MOST = 8
# Groups of the record in the order of the page; what identifies or describes the run itself is left out.
GROUPS = {
    "outcome": "Result", "metrics": "Result", "cost": "Cost", "pipeline": "Pipeline",
    "language_model": "Language model", "fidelity": "Pipeline",
    "limits": "Limits", "task": "Task", "conditions": "System", "system": "System",
}  # fmt: skip
DROPPED = {"outcome.stack", "task.metafeatures.extractor", "pipeline.space"}


@dataclass(frozen=True)
class FieldRow:
    """One field over all runs: the texts, whether each differs from the first, whether all are equal."""

    group: str
    name: str
    texts: list[tuple[str, bool]]
    is_equal: bool


@dataclass(frozen=True)
class ComparePage:
    rows: list[Experience]
    letters: str
    differing: list[FieldRow]
    equal: list[FieldRow]
    missing: int
    curves: charts.LineChart | None


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
    flat = [leaves(row.record) for row in rows]
    names = list(dict.fromkeys(name for one in flat for name in one))
    fields = [field_row(name, [one.get(name) for one in flat]) for name in names]
    order = list(dict.fromkeys(GROUPS.values()))
    fields.sort(key=lambda one: order.index(one.group))
    return ComparePage(
        rows=list(rows),
        letters="ABCDEFGH"[: len(rows)],
        differing=[one for one in fields if not one.is_equal],
        equal=[one for one in fields if one.is_equal],
        missing=missing,
        curves=curves(rows),
    )


def leaves(record: Mapping[str, Any]) -> dict[str, object]:
    """The scalars and lists of a record's groups, by dotted name."""
    found: dict[str, object] = {}

    def walk(value: object, name: str) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(inner, f"{name}.{key}")
        elif value is not None and name not in DROPPED:
            found[name] = value

    for group in GROUPS:
        walk(record.get(group), group)
    return found


def field_row(name: str, values: Sequence[object]) -> FieldRow:
    group, _, rest = name.partition(".")
    short = (
        rest.removeprefix("hyperparameters.").removeprefix("features.").removeprefix("metafeatures.values.")
    )
    form = f"metrics.{rest}" if group == "metrics" else f"h.{short}" if "hyperparameters." in rest else short
    texts = [(plain(form, value), value != values[0]) for value in values]
    return FieldRow(
        GROUPS[group],
        f"{group} {called(short)}" if group == "fidelity" else called(short),
        texts,
        len({str(one) for one in values}) == 1,
    )


def called(name: str) -> str:
    """A field without its unit, which stands beside the value: `train_s` is "train time"."""
    for ending, words in (("_bytes", ""), ("_s", "_time")):
        if name.endswith(ending):
            name = name.removesuffix(ending) + words
    return formats.words(name)


def plain(name: str, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if name.startswith("metrics.") and not isinstance(value, int | float):
        return "" if value is None else str(value)
    return shown_as(name, value)


def curves(rows: Sequence[Experience]) -> charts.LineChart | None:
    """The training loss of each run over its steps, where it was logged."""
    series = []
    for letter, row in zip("ABCDEFGH", rows, strict=False):
        points = tuple(
            (float(point["step"]), float(point["values"]["loss"]))
            for point in row.record.get("curve") or []
            if point.get("step") is not None and isinstance(point.get("values", {}).get("loss"), int | float)
        )
        if points:
            series.append(charts.Series(f"{letter} {formats.words(row.method)}", points))
    return (
        charts.line_chart("curves", "Training loss", "loss", "step", series, from_zero=True)
        if series
        else None
    )
