"""A new search in three steps: data, columns, goal and budget. Each step is a form that works by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import personal_team
from knowledgebase.core.errors import FieldError, Problem
from knowledgebase.searches import bridge, selectors, services
from knowledgebase.searches.models import Dataset

LISTED_DATASETS = 20
UPLOAD_SALT = "searches.upload"
UPLOAD_SECONDS = 24 * 3600
DEFAULTS: Mapping[str, str] = {
    "trials": "20", "wall_s": "120", "memory_gib": "4", "slots": "1", "warm_start": "on", "train_rows": "", "seed": "",
}  # fmt: skip


@dataclass(frozen=True)
class DataPage:
    """Where the rows come from."""

    datasets: list[Dataset]
    builtin: list[bridge.Choice]
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnsPage:
    """Which column is text, which the label."""

    name: str
    upload: str
    preview: bridge.Preview
    text_columns: list[str]
    label_column: str
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SetUpPage:
    """Goal, budget and space of a search on a dataset; `values` as the person wrote them."""

    dataset: Dataset
    values: Mapping[str, str]
    methods: list[tuple[str, bool]]
    language_models: list[tuple[bridge.Choice, bool]]
    objectives: list[tuple[str, str, bool]]
    estimate: selectors.Estimate | None
    errors: Mapping[str, str] = field(default_factory=dict)


@require_http_methods(["GET", "POST"])
@login_required
def choose_data(request: HttpRequest) -> HttpResponse:
    """An upload, a builtin dataset, or one that is already here."""
    user, errors = cast(User, request.user), {}
    if request.method == "POST":
        try:
            if name := request.POST.get("builtin", ""):
                dataset = services.create_dataset(user, source="builtin", name=name, team=personal_team(user))
                return redirect("searches:set-up", dataset_id=dataset.pk)
            if upload := request.FILES.get("file"):
                stored = services.store_upload(upload.chunks(), upload.name or "")
                token = signing.dumps([stored.name, (upload.name or "file")[:150], user.pk], salt=UPLOAD_SALT)
                return redirect(f"{reverse('searches:columns')}?upload={token}")
            errors = {"file": "Choose a file first."}
        except Problem as problem:
            errors = {"file": problem.detail}
    page = DataPage(
        list(selectors.dataset_list(user)[:LISTED_DATASETS]), list(bridge.builtin_choices()), errors
    )
    return render(request, "searches/new_data.html", {"page": page}, status=422 if errors else 200)


@require_http_methods(["GET", "POST"])
@login_required
def choose_columns(request: HttpRequest) -> HttpResponse:
    """The first rows of an upload, and which of its columns are what."""
    user = cast(User, request.user)
    token = (request.POST if request.method == "POST" else request.GET).get("upload", "")
    stored, name = uploaded(user, token)
    try:
        preview = bridge.preview_upload(stored)
    except bridge.Refused as refusal:
        messages.error(request, refusal.detail.replace(stored, name))
        return redirect("searches:new")
    texts, label = [preview.text_guess], preview.label_guess
    errors: dict[str, str] = {}
    if request.method == "POST":
        texts, label = request.POST.getlist("text_columns"), request.POST.get("label_column", "")
        errors = wrong_columns(preview, texts, label)
        if not errors:
            dataset = services.create_dataset(
                user, source="upload", name=name, team=personal_team(user), files={"train": stored},
                text_columns=texts, label_column=label,
                languages=[tag for tag in request.POST.get("languages", "").replace(",", " ").split() if tag][:20],
            )  # fmt: skip
            return redirect("searches:set-up", dataset_id=dataset.pk)
    page = ColumnsPage(name, token, preview, texts, label, errors)
    return render(request, "searches/new_columns.html", {"page": page}, status=422 if errors else 200)


def uploaded(user: User, token: str) -> tuple[str, str]:
    """Stored name and own name of an upload of this very person; 404 for any other token."""
    try:
        stored, name, owner = signing.loads(token, salt=UPLOAD_SALT, max_age=UPLOAD_SECONDS)
    except (signing.BadSignature, ValueError) as error:
        raise Http404 from error
    if owner != user.pk:
        raise Http404
    return stored, name


def wrong_columns(preview: bridge.Preview, texts: list[str], label: str) -> dict[str, str]:
    errors = {}
    if not texts or not set(texts) <= set(preview.columns):
        errors["text_columns"] = f"Choose one or more of {', '.join(preview.columns)}."
    if label not in preview.columns:
        errors["label_column"] = f"Choose one of {', '.join(preview.columns)}."
    elif label in texts:
        errors["label_column"] = (
            f"{label} is chosen as text too; a label that stands in the text teaches nothing."
        )
    return errors


@require_http_methods(["GET", "POST"])
@login_required
def set_up(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """Goal, budget, space; GET with parameters estimates, POST launches."""
    user = cast(User, request.user)
    dataset = selectors.dataset_detail(user, dataset_id)
    if dataset is None:
        raise Http404
    given = request.POST if request.method == "POST" else request.GET
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            search = services.launch_search(user, asked(dataset, given))
            return redirect("searches:detail", search_id=search.pk)
        except Problem as problem:
            errors = {one.pointer.lstrip("/"): one.message for one in problem.fields} or {"": problem.detail}
    page = set_up_page(user, dataset, given, errors)
    return render(request, "searches/new_set_up.html", {"page": page}, status=422 if errors else 200)


def set_up_page(user: User, dataset: Dataset, given: QueryDict, errors: Mapping[str, str]) -> SetUpPage:
    values = dict(DEFAULTS) | {name: given.get(name, "") for name in (*DEFAULTS, "title") if given}
    methods, models = given.getlist("methods"), given.getlist("language_models")
    objectives = given.getlist("objectives") or ["score", "seconds"]
    known = bridge.method_names()
    return SetUpPage(
        dataset=dataset,
        values=values,
        methods=[(name, not methods or name in methods) for name in known],
        language_models=[(one, not models or one.key in models) for one in bridge.language_model_choices()],
        objectives=[
            ("score", "macro-F1, higher", "score" in objectives),
            ("seconds", "time to result, lower", "seconds" in objectives),
        ],
        estimate=selectors.estimate(
            user, dataset, methods=methods or known, trials=plain(values["trials"]), slots=plain(values["slots"]),
            wall_s=plain(values["wall_s"]),
        ),
        errors=errors,
    )  # fmt: skip


def plain(text: str) -> float:
    """A number for an estimate; what is none makes none."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def asked(dataset: Dataset, given: QueryDict) -> services.SearchRequest:
    """The request that the form makes; Problem 422 naming each field that is no number."""
    wrong: list[FieldError] = []

    def number(name: str, pointer: str) -> float | None:
        text = given.get(name, "").strip()
        try:
            return float(text) if text else None
        except ValueError:
            wrong.append(FieldError(pointer, f"is {text[:40]!r}, which is no number"))
            return None

    whole = {
        "budget_trials": number("trials", "budget.trials"),
        "slots": number("slots", "slots"),
        "train_rows": number("train_rows", "train_rows"),
        "seed": number("seed", "seed"),
    }
    wall, memory = number("wall_s", "limits.wall_s"), number("memory_gib", "limits.host_memory_bytes")
    for name in ("budget_trials", "slots"):
        if whole[name] is None:
            wrong.append(FieldError(name.replace("budget_", "budget."), "is empty; give a number"))
    if wrong:
        detail = "; ".join(f"{one.pointer}: {one.message}" for one in wrong)
        raise Problem(422, "invalid", "Invalid input", detail, wrong)
    return services.SearchRequest(
        dataset=dataset,
        title=given.get("title", "").strip()[:200],
        budget_trials=int(whole["budget_trials"] or 0),
        slots=int(whole["slots"] or 0),
        train_rows=None if whole["train_rows"] is None else int(whole["train_rows"]),
        seed=None if whole["seed"] is None else int(whole["seed"]),
        wall_s=wall,
        host_memory_bytes=None if memory is None else int(memory * 2**30),
        methods=given.getlist("methods"),
        language_models=given.getlist("language_models"),
        objectives=given.getlist("objectives"),
        warm_start="warm_start" in given,
    )
