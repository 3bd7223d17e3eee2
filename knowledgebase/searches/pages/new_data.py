"""A new search, steps 1 and 2: which rows, and which of their columns. Each step is a form that works by itself.

Between the steps an upload has no row: its stored name travels signed, for one person and a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.selectors import writable_teams
from knowledgebase.core.errors import Problem
from knowledgebase.searches import bridge, selectors, services
from knowledgebase.searches.models import Dataset

LISTED_DATASETS = 20
UPLOAD_SALT = "searches.upload"
UPLOAD_SECONDS = 24 * 3600
# What is said of a dataset of the HF Hub -> form field.
HUB_FIELDS: Mapping[str, str] = {
    "name": "hub", "revision": "revision", "config": "config", "text": "hub_text", "label": "hub_label",
}  # fmt: skip
# Form field -> split of the dataset.
PARTS: Mapping[str, str] = {"file": "train", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class DataPage:
    """Where the rows come from; ``teams`` are those one may add to."""

    datasets: list[Dataset]
    builtin: list[bridge.Choice]
    teams: list[Team]
    hub: Mapping[str, str]
    team: str = ""
    endings: str = ",".join((".gz", *services.PLAIN_FORMATS))
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Upload:
    """What was uploaded and is no dataset yet: stored files by split, by what name, for which team (slug)."""

    files: Mapping[str, str]
    name: str
    team: str


@dataclass(frozen=True)
class ColumnsPage:
    """Which column is text, which the label, and what stands out when it is so."""

    upload: Upload
    token: str
    preview: bridge.Preview
    text_columns: list[str]
    label_column: str
    notes: list[bridge.Note]
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def choices(self) -> list[tuple[str, int]]:
        """Each column with the number of its different values among the rows looked at."""
        return [(column, self.preview.distinct(column)) for column in self.preview.columns]


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
                token = signing.dumps([*stored_upload(request), team.slug, user.pk], salt=UPLOAD_SALT)
                return redirect(f"{reverse('searches:columns')}?{urlencode({'upload': token})}")
            errors = {"file": "Choose a file first."}
        except Problem as problem:
            errors = {one.pointer: one.message for one in problem.fields} or {"file": problem.detail}
    page = DataPage(
        datasets=list(selectors.dataset_list(user)[:LISTED_DATASETS]),
        builtin=list(bridge.builtin_choices()),
        teams=teams,
        hub=hub_fields(request.POST),
        team=request.POST.get("team", ""),
        errors=errors,
    )
    return render(request, "searches/new_data.html", {"page": page}, status=422 if errors else 200)


def chosen_team(teams: list[Team], slug: str) -> Team:
    """The team with this slug, the first (the personal one) for ""; Problem 422 for one that is not among them."""
    found = next((team for team in teams if team.slug == slug or not slug), None)
    if found is None:
        raise Problem(422, "unknown_team", "Unknown team", f"{slug[:60]!r} is no team that you may add to")
    return found


def builtin_dataset(user: User, team: Team, name: str) -> Dataset:
    """The team's own row of a builtin dataset, made when there is none that can be used."""
    known = selectors.dataset_list(user).filter(source=Dataset.Source.BUILTIN, name=name, team=team)
    usable = known.exclude(state=Dataset.State.REFUSED).first()
    return usable or services.create_dataset(user, source="builtin", name=name, team=team)


def hub_fields(given: QueryDict) -> dict[str, str]:
    """What was written about a dataset of the HF Hub, as it was written."""
    return {name: given.get(key, "").strip()[:400] for name, key in HUB_FIELDS.items()}


def hub_dataset(user: User, team: Team, given: QueryDict) -> Dataset:
    """A dataset of the HF Hub by name; a worker fetches it and says what is wrong with it."""
    named = hub_fields(given)
    texts = [one.strip() for one in named["text"].split(",") if one.strip()] or ["text"]
    return services.create_dataset(
        user,
        source="hub",
        name=named["name"],
        team=team,
        revision=named["revision"],
        config=named["config"],
        text_columns=texts,
        label_column=named["label"] or "label",
    )


def stored_upload(request: HttpRequest) -> tuple[dict[str, str], str]:
    """The uploaded files by split under their stored names, and what people call the first."""
    given = {part: request.FILES.getlist(part)[0] for part in PARTS if part in request.FILES}
    files = {
        PARTS[part]: services.store_upload(upload.chunks(), upload.name or "").name
        for part, upload in given.items()
    }
    return files, PurePath(given["file"].name or "file").name[:150]


@require_http_methods(["GET", "POST"])
@login_required
def choose_columns(request: HttpRequest) -> HttpResponse:
    """The first rows of an upload, and which of its columns are what. A GET with columns says what stands out."""
    user = cast(User, request.user)
    given = request.POST if request.method == "POST" else request.GET
    upload = uploaded(user, given.get("upload", ""))
    try:
        preview = bridge.preview_upload(upload.files["train"])
    except bridge.Refused as refusal:
        messages.error(request, refusal.detail.replace(upload.files["train"], upload.name))
        return redirect("searches:new")
    texts = given.getlist("text_columns") or [preview.text_guess] * (request.method == "GET")
    label = given.get("label_column", preview.label_guess if request.method == "GET" else "")
    errors = (
        wrong_columns(preview, texts, label) if "label_column" in given or request.method == "POST" else {}
    )
    notes = [] if errors or not label or not texts else preview.notes(texts, label)
    blocking = next((note.words for note in notes if note.blocks), "")
    if request.method == "POST" and blocking:
        errors = {"label_column": blocking}
    if request.method == "POST" and not errors:
        try:
            dataset = create_dataset(user, upload, texts, label, given.get("languages", ""))
            return redirect("searches:set-up", dataset_id=dataset.pk)
        except Problem as problem:
            errors = {"": problem.detail}
    page = ColumnsPage(upload, given.get("upload", ""), preview, texts, label, notes, errors)
    return render(request, "searches/new_columns.html", {"page": page}, status=422 if errors else 200)


def create_dataset(user: User, upload: Upload, texts: list[str], label: str, languages: str) -> Dataset:
    """The dataset of an upload whose columns are named."""
    return services.create_dataset(
        user,
        source="upload",
        name=upload.name,
        team=chosen_team(list(writable_teams(user)), upload.team),
        files=upload.files,
        text_columns=texts,
        label_column=label,
        languages=[tag[:35] for tag in languages.replace(",", " ").split()][:20],
    )


def uploaded(user: User, token: str) -> Upload:
    """An upload of this very person; 404 for any other token."""
    try:
        files, name, team, owner = signing.loads(token, salt=UPLOAD_SALT, max_age=UPLOAD_SECONDS)
    except (signing.BadSignature, ValueError) as error:
        raise Http404 from error
    if owner != user.pk:
        raise Http404
    return Upload(files, name, team)


def wrong_columns(preview: bridge.Preview, texts: list[str], label: str) -> dict[str, str]:
    errors = {}
    there = ", ".join(preview.columns)
    if not texts or not set(texts) <= set(preview.columns):
        errors["text_columns"] = f"Choose one or more of {there}."
    if label not in preview.columns:
        errors["label_column"] = f"Choose one of {there}."
    elif label in texts:
        errors["label_column"] = (
            f"{label} is chosen as text too; a label that stands in the text teaches nothing."
        )
    return errors
