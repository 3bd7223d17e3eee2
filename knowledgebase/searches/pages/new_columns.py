"""A new search, step 2 of an upload: what is to be learnt from it, and which of its columns are what.

Between the steps an upload has no row: its stored name travels signed, for one person and a day. What the rows say
is the bridge's to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from knowledgebase.searches import bridge, services
from knowledgebase.searches.models import Dataset
from knowledgebase.searches.pages.encodings import ENCODINGS, USUAL, Reading, known_encoding, read_upload

UPLOAD_SALT = "searches.upload"
UPLOAD_SECONDS = 24 * 3600
KINDS: Mapping[str, str] = {
    Dataset.Kind.CLASSES: "A class for each text",
    Dataset.Kind.ANSWERS: "Answers to questions",
}


@dataclass(frozen=True)
class Upload:
    """What was uploaded and is no dataset yet: stored files by split, by what name, for which team (slug)."""

    files: Mapping[str, str]
    name: str
    team: str


@dataclass(frozen=True)
class Columns:
    """What the columns are: texts with their label, or contexts with the question and the accepted answers."""

    kind: str
    texts: Sequence[str]
    label: str
    question: str = ""

    @property
    def is_asked(self) -> bool:
        return self.kind == Dataset.Kind.ANSWERS

    @property
    def read(self) -> list[str]:
        """The text columns in the order of a dataset: of questions the last one asks."""
        return [*self.texts, *([self.question] if self.is_asked else [])]


@dataclass(frozen=True)
class ColumnsPage:
    """Which column is what, and what stands out when it is so; `asked`: the first questions as they would be read."""

    upload: Upload
    token: str
    reading: Reading
    columns: Columns
    notes: list[bridge.Note]
    asked: bridge.AskedRows | None = None
    kinds: Mapping[str, str] = field(default_factory=lambda: KINDS)
    encodings: Mapping[str, str] = field(default_factory=lambda: ENCODINGS)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def preview(self) -> bridge.Preview:
        return self.reading.preview

    @property
    def is_text(self) -> bool:
        """Whether the upload has an encoding at all: Parquet says itself what its bytes are."""
        return not self.upload.files["train"].removesuffix(".gz").endswith(".parquet")

    @property
    def choices(self) -> list[tuple[str, int]]:
        """Each column with the number of its different values among the rows looked at."""
        return [(column, self.preview.distinct(column)) for column in self.preview.columns]


def known_kind(text: str) -> str:
    """A kind of task that rows can be of; classes for any other word."""
    return text if text in KINDS else str(Dataset.Kind.CLASSES)


def chosen_team(teams: list[Team], slug: str) -> Team:
    """The team with this slug, the first (the personal one) for ""; Problem 422 for one that is not among them."""
    found = next((team for team in teams if team.slug == slug or not slug), None)
    if found is None:
        raise Problem(422, "unknown_team", "Unknown team", f"{slug[:60]!r} is no team that you may add to")
    return found


def columns_address(files: Mapping[str, str], name: str, team: Team, user: User) -> str:
    """Where this person names the columns of stored files."""
    token = signing.dumps([files, name, team.slug, user.pk], salt=UPLOAD_SALT)
    return f"{reverse('searches:columns')}?{urlencode({'upload': token})}"


@require_http_methods(["GET", "POST"])
@login_required
def choose_columns(request: HttpRequest) -> HttpResponse:
    """The first rows of an upload, and which of its columns are what. A GET with columns says what stands out."""
    user = cast(User, request.user)
    given = request.POST if request.method == "POST" else request.GET
    upload = uploaded(user, given.get("upload", ""))
    try:
        reading = read_upload(upload.files["train"], known_encoding(given.get("encoding", "")))
    except bridge.Refused as refusal:
        messages.error(request, refusal.detail.replace(upload.files["train"], upload.name))
        return redirect("searches:new")
    preview, problem = reading.preview, reading.problem.replace(upload.files["train"], upload.name)
    is_named = request.method == "POST" or "label_column" in given
    columns = named_columns(given) if is_named else guessed_columns(given, preview)
    wrong = wrong_columns(preview, columns)
    asked, notes = (None, []) if wrong else looked_at(preview, columns)
    errors = wrong if is_named else {}
    if problem and (request.method == "POST" or "encoding" in given):
        errors = {**errors, "encoding": f"{problem}."}
    elif problem:
        notes = [
            bridge.Note(
                f"{problem}. Above it is read as {ENCODINGS[reading.encoding]}: is every letter right?"
            ),
            *notes,
        ]
    blocking = next((note.words for note in notes if note.blocks), "")
    if request.method == "POST" and blocking:
        errors = {"label_column": blocking}
    if request.method == "POST" and not errors:
        try:
            dataset = create_dataset(user, upload, columns, given.get("languages", ""), reading.encoding)
            return redirect("searches:set-up", dataset_id=dataset.pk)
        except Problem as problem:
            errors = {"": problem.detail}
    page = ColumnsPage(upload, given.get("upload", ""), reading, columns, notes, asked, errors=errors)
    return render(request, "searches/new_columns.html", {"page": page}, status=422 if errors else 200)


def named_columns(given: QueryDict) -> Columns:
    """As the form names them."""
    kind = known_kind(given.get("kind", ""))
    question = given.get("question_column", "") if kind == Dataset.Kind.ANSWERS else ""
    return Columns(kind, given.getlist("text_columns"), given.get("label_column", ""), question)


def guessed_columns(given: QueryDict, preview: bridge.Preview) -> Columns:
    """As they look, for the kind that was chosen or the one that the rows look like."""
    kind = known_kind(given.get("kind", preview.kind_guess))
    if kind == Dataset.Kind.ANSWERS:
        return Columns(kind, preview.asked.contexts, preview.asked.answers, preview.asked.question)
    return Columns(kind, [preview.text_guess] if preview.text_guess else [], preview.label_guess)


def looked_at(preview: bridge.Preview, columns: Columns) -> tuple[bridge.AskedRows | None, list[bridge.Note]]:
    """What stands out with these columns, which are there."""
    if not columns.is_asked:
        return None, preview.notes(columns.texts, columns.label)
    asked = bridge.asked_rows(preview, columns.texts, columns.question, columns.label)
    return asked, asked.notes


def create_dataset(user: User, upload: Upload, columns: Columns, languages: str, encoding: str) -> Dataset:
    """The dataset of an upload whose columns are named."""
    return services.create_dataset(
        user,
        source="upload",
        kind=columns.kind,
        name=upload.name,
        team=chosen_team(list(writable_teams(user)), upload.team),
        files=upload.files,
        text_columns=columns.read,
        label_column=columns.label,
        encoding="" if encoding == USUAL else encoding,
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


def wrong_columns(preview: bridge.Preview, columns: Columns) -> dict[str, str]:
    """What cannot be, by the field of the form."""
    errors, there = {}, ", ".join(preview.columns)
    if columns.is_asked and columns.question not in preview.columns:
        errors["question_column"] = f"Choose one of {there}."
    if (not columns.texts and not columns.is_asked) or not set(columns.texts) <= set(preview.columns):
        errors["text_columns"] = f"Choose one or more of {there}."
    elif columns.is_asked and columns.question in columns.texts:
        errors["question_column"] = f"{columns.question} is chosen as context too; it can be one of them."
    if columns.label not in preview.columns:
        errors["label_column"] = f"Choose one of {there}."
    elif columns.label in columns.read:
        what = "an answer" if columns.is_asked else "a label"
        errors["label_column"] = (
            f"{columns.label} is chosen as text too; {what} that stands in the text teaches nothing."
        )
    return errors
