"""A new search, step 1: which rows. An upload goes on to its columns, everything else to the set-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.selectors import writable_teams
from knowledgebase.core.errors import Problem
from knowledgebase.searches import bridge, selectors, services
from knowledgebase.searches.models import Dataset
from knowledgebase.searches.pages.new_columns import KINDS, chosen_team, columns_address, known_kind

LISTED_DATASETS = 20
# What is said of a dataset of the HF Hub -> form field.
HUB_FIELDS: Mapping[str, str] = {
    "name": "hub", "revision": "revision", "config": "config", "text": "hub_text", "label": "hub_label",
}  # fmt: skip
# Form field -> split of the dataset.
PARTS: Mapping[str, str] = {"file": "train", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class DataPage:
    """Where the rows come from; ``teams`` are those one may add to, ``deletable`` are ids of datasets."""

    datasets: list[Dataset]
    builtin: list[bridge.Choice]
    teams: list[Team]
    deletable: frozenset[UUID]
    hub: Mapping[str, str]
    hub_kind: str = Dataset.Kind.CLASSES
    kinds: Mapping[str, str] = field(default_factory=lambda: KINDS)
    team: str = ""
    endings: str = ",".join((".gz", *services.PLAIN_FORMATS))
    errors: Mapping[str, str] = field(default_factory=dict)


@require_http_methods(["GET", "POST"])
@login_required
def choose_data(request: HttpRequest) -> HttpResponse:
    """An upload, a builtin dataset, or one that is already here."""
    user, errors = cast(User, request.user), {}
    teams = list(writable_teams(user))
    if request.method == "POST":
        try:
            team = chosen_team(teams, request.POST.get("team", ""))
            if name := request.POST.get("builtin", ""):
                return redirect("searches:set-up", dataset_id=builtin_dataset(user, team, name).pk)
            if "hub" in request.POST:
                return redirect("searches:set-up", dataset_id=hub_dataset(user, team, request.POST).pk)
            if "file" in request.FILES:
                return redirect(columns_address(*stored_upload(request), team, user))
            errors = {"file": "Choose a file first."}
        except Problem as problem:
            errors = {one.pointer: one.message for one in problem.fields} or {"file": problem.detail}
    datasets = list(selectors.dataset_list(user)[:LISTED_DATASETS])
    page = DataPage(
        datasets=datasets,
        deletable=selectors.deletable_datasets(user, datasets, {one.pk for one in teams}),
        builtin=list(bridge.builtin_choices()),
        teams=teams,
        hub=hub_fields(request.POST),
        hub_kind=known_kind(request.POST.get("hub_kind", "")),
        team=request.POST.get("team", ""),
        errors=errors,
    )
    return render(request, "searches/new_data.html", {"page": page}, status=422 if errors else 200)


def builtin_dataset(user: User, team: Team, name: str) -> Dataset:
    """The team's own row of a builtin dataset, made when there is none that can be used."""
    known = selectors.dataset_list(user).filter(source=Dataset.Source.BUILTIN, name=name, team=team)
    usable = known.exclude(state__in=Dataset.UNUSABLE).first()
    return usable or services.create_dataset(user, source="builtin", name=name, team=team)


def hub_fields(given: QueryDict) -> dict[str, str]:
    """What was written about a dataset of the HF Hub, as it was written."""
    return {name: given.get(key, "").strip()[:400] for name, key in HUB_FIELDS.items()}


def hub_dataset(user: User, team: Team, given: QueryDict) -> Dataset:
    """A dataset of the HF Hub by name; a worker fetches it and says what is wrong with it."""
    named, kind = hub_fields(given), known_kind(given.get("hub_kind", ""))
    usual_texts, usual_label = services.COLUMNS[kind]
    texts = [one.strip() for one in named["text"].split(",") if one.strip()]
    return services.create_dataset(
        user,
        source="hub",
        kind=kind,
        name=named["name"],
        team=team,
        revision=named["revision"],
        config=named["config"],
        text_columns=texts or usual_texts,
        label_column=named["label"] or usual_label,
    )


def stored_upload(request: HttpRequest) -> tuple[dict[str, str], str]:
    """The uploaded files by split under their stored names, and what people call the first."""
    given = {part: request.FILES.getlist(part)[0] for part in PARTS if part in request.FILES}
    files = {
        PARTS[part]: services.store_upload(upload.chunks(), upload.name or "").name
        for part, upload in given.items()
    }
    return files, PurePath(given["file"].name or "file").name[:150]
