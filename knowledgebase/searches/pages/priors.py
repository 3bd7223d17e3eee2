"""The prior explorer: what the store would try first on a task, and which experiences moved it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from knowledgebase.accounts.models import User
from knowledgebase.core import charts, formats
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import selectors as experiences
from knowledgebase.experiences.models import Experience, Task
from knowledgebase.searches import bridge
from knowledgebase.searches.models import Dataset

SHOWN = 12
LISTED_TASKS = 200


@dataclass(frozen=True)
class Mover:
    """One experience that moved the prior: by how much (its learning rate), and where the bar lies in pixels."""

    experience: Experience
    push: float
    x: str
    width: str


@dataclass(frozen=True)
class PriorPage:
    tasks: list[Task]
    chosen: Mapping[str, str]
    utilities: tuple[str, ...]
    problem: str = ""
    task: Task | None = None
    moved: bridge.Moved | None = None
    panels: tuple[charts.Panel, ...] = ()
    finer: tuple[charts.Panel, ...] = ()
    towards: int = 0
    away: int = 0
    movers: tuple[Mover, ...] = ()


@require_GET
@login_required
def prior_explorer(request: HttpRequest) -> HttpResponse:
    """Settings stand in the address, so that a prior can be linked."""
    user = cast(User, request.user)
    chosen = {name: value.strip() for name, value in request.GET.dict().items()}
    known = experiences.task_summaries(user)
    tasks = [task for task in known if task.comparable and task.kind in bridge.SEARCHED_KINDS][:LISTED_TASKS]
    page = PriorPage(tasks, chosen, bridge.UTILITY_NAMES)
    status = 200
    if chosen.get("task") or chosen.get("statistics"):
        try:
            page = explored(user, page)
        except Problem as problem:
            page, status = replace(page, problem=problem.detail), problem.status
        except bridge.Refused as refusal:
            page, status = replace(page, problem=refusal.detail), 422
    return render(request, "searches/prior.html", {"page": page}, status=status)


def explored(user: User, page: PriorPage) -> PriorPage:
    """The page with the prior that its settings ask for."""
    chosen = page.chosen
    if chosen.get("task") and chosen.get("statistics"):
        raise wrong(
            "statistics", "are given for a task that is not here, but a task is chosen too; empty one of them"
        )
    task = experiences.task_detail(user, chosen["task"]) if chosen.get("task") else None
    values = task.metafeatures.get("values", {}) if task else statistics(chosen["statistics"])
    question = bridge.Question(
        metafeatures=values,
        task=task.digest if task else "",
        kind=task.kind if task else Dataset.Kind.CLASSES.value,
        wall_s=number(chosen, "wall_s", None, 1, 1e7),
        host_memory_bytes=gibibytes(chosen),
        neighbours=int(number(chosen, "neighbours", 5, 1, 100) or 5),
        score_weight=number(chosen, "score_weight", 0.7, 0, 1) or 0.0,
        utility=chosen.get("utility") or "rank",
        beta_scale=number(chosen, "beta_scale", 0.5, 0, 100) or 0.0,
        leave_out=chosen.get("own") != "count",
    )
    moved = bridge.explore_prior(user, question)
    coarse, fine = decisions(moved)
    return replace(
        page,
        task=task,
        moved=moved,
        panels=charts.prior_panels("prior", coarse),
        finer=charts.prior_panels("finer", fine),
        towards=sum(push > 0 for _, push in moved.weights),
        away=sum(push < 0 for _, push in moved.weights),
        movers=movers(user, moved),
    )


def decisions(
    moved: bridge.Moved,
) -> tuple[dict[str, list[tuple[str, float, float]]], dict[str, list[tuple[str, float, float]]]]:
    """Method and language model; and the hyper-parameters, those that moved furthest first."""
    coarse, fine = {}, []
    for name, shares in moved.distributions.items():
        uniform = moved.uniform[name]
        label = formats.language_model if name == "language_model" else formats.span
        rows = [(label(value), share, uniform.get(value, 0.0)) for value, share in shares.items()]
        if name in ("method", "language_model"):
            coarse[formats.words(name)] = sorted(rows, key=lambda row: -row[1])
        else:
            fine.append(
                (sum(abs(p - u) for _, p, u in rows) / 2, formats.words(name.replace(".", ": ")), rows)
            )
    fine.sort(key=lambda one: -one[0])
    return coarse, {name: rows for _, name, rows in fine[:SHOWN]}


def movers(user: User, moved: bridge.Moved) -> tuple[Mover, ...]:
    """The experiences with the strongest push, either way."""
    strongest = sorted(moved.weights, key=lambda one: -abs(one[1]))[:SHOWN]
    rows = {
        str(row.pk): row
        for row in experiences.experience_list(user).filter(pk__in=[key for key, _ in strongest])
    }
    most = max((abs(push) for _, push in strongest), default=0.0) or 1.0
    found = []
    for key, push in strongest:
        if key in rows:
            width = 32 * abs(push) / most
            found.append(Mover(rows[key], push, f"{32 - width if push < 0 else 32:.1f}", f"{width:.1f}"))
    return tuple(found)


def statistics(text: str) -> dict[str, float | None]:
    """Meta-features as JSON or as lines "name value"; Problem 422 that says which value is no number."""
    found: dict[str, float | None] = {}
    for name, value in named_values(text):
        try:
            found[str(name)] = float(value)  # type: ignore[arg-type]  # whatever stood there
        except (TypeError, ValueError):
            raise wrong("statistics", f"has {value!r} for {name!r}, which is no number") from None
    return found


def named_values(text: str) -> list[tuple[object, object]]:
    try:
        given = json.loads(text)
    except ValueError:
        lines = [line.replace("=", " ").replace(":", " ").split(None, 1) for line in text.splitlines()]
        return [(line[0], line[1] if len(line) > 1 else "") for line in lines if line]
    if not isinstance(given, dict):
        raise wrong("statistics", "is JSON, but no object of names and numbers")
    return list(given.items())


def number(
    chosen: Mapping[str, str], name: str, default: float | None, low: float, high: float
) -> float | None:
    text = chosen.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise wrong(name, f"is {text[:40]!r}; give a number from {low:g} to {high:g}")
    return value


def gibibytes(chosen: Mapping[str, str]) -> int | None:
    value = number(chosen, "memory_gib", None, 0.25, 16384)
    return None if value is None else int(value * 2**30)


def wrong(field: str, message: str) -> Problem:
    return Problem(422, "invalid", "Invalid input", f"{formats.words(field)} {message}")
