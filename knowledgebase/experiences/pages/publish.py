"""Publishing one experience or several: first exactly what others would see, then the word that they may.

What publishing is, and what is worth a second look, is the services'; this only shows and asks.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from knowledgebase.accounts.models import User
from knowledgebase.core import formats
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import services
from knowledgebase.experiences.pages.compare import known_id
from knowledgebase.experiences.serializers import ExperienceAnswer

MOST = 20
DEFAULT = "public"


@dataclass(frozen=True)
class Item:
    """One experience as it would be shown: the service's word on it, and the document that others would read."""

    publication: services.Publication
    document: str

    @property
    def is_so_already(self) -> bool:
        return self.publication.visibility == self.publication.wanted


@dataclass(frozen=True)
class PublishPage:
    """What would become visible to whom. `left_out`: of those asked for, not here or somebody else's."""

    wanted: str
    audiences: list[tuple[str, str]]
    items: list[Item] = field(default_factory=list)
    left_out: int = 0
    is_one: bool = False
    problem: str = ""

    @property
    def query(self) -> str:
        """The same selection, for a link with another audience."""
        return "" if self.is_one else "".join(f"&id={one.publication.experience.pk}" for one in self.items)

    @property
    def to_do(self) -> list[Item]:
        return [one for one in self.items if not one.is_so_already]

    @property
    def audience(self) -> str:
        return dict(self.audiences)[self.wanted]


@require_http_methods(["GET", "POST"])
@login_required
def publish(request: HttpRequest, experience_id: UUID) -> HttpResponse:
    """One experience. Problem 404 for what one may not see, 403 for what is somebody else's."""
    user, wanted = cast(User, request.user), wanted_of(request)
    try:
        services.publication_of(experience_id, wanted, actor=user)
    except Problem as problem:
        if problem.status == 404:
            raise Http404(problem.detail) from problem
        said = {"title": problem.title, "detail": problem.sentence}
        return render(request, "web/error.html", said, status=problem.status)
    return answered(request, [experience_id], wanted, is_one=True)


@require_http_methods(["GET", "POST"])
@login_required
def publish_selected(request: HttpRequest) -> HttpResponse:
    """Those ticked in the list, as far as they are one's own."""
    given = request.POST if request.method == "POST" else request.GET
    ids = [one for one in dict.fromkeys(map(known_id, given.getlist("id"))) if one]
    return answered(request, ids, wanted_of(request), is_one=False)


def wanted_of(request: HttpRequest) -> str:
    """The audience that is asked for; the default for any other word."""
    given = request.POST if request.method == "POST" else request.GET
    wanted = given.get("visibility", DEFAULT)
    return wanted if wanted in services.AUDIENCES else DEFAULT


def answered(request: HttpRequest, ids: Sequence[UUID], wanted: str, *, is_one: bool) -> HttpResponse:
    """A GET shows; a POST publishes what was shown, or shows again with what stood against it."""
    user, problem, status = cast(User, request.user), "", 200
    if request.method == "POST":
        try:
            done = services.publish_experiences(confirmed(request.POST, ids), wanted, actor=user)
        except Problem as refusal:
            problem, status = refusal.sentence, refusal.status
        else:
            seen_by = done[0].audience
            named = formats.plural(len(done), "experience")
            messages.info(request, f"Published {named}: visible to {seen_by}.")
            if is_one:
                return redirect("experiences:detail", experience_id=ids[0])
            return redirect("experiences:index")
    page = publish_page(user, ids, wanted, is_one=is_one, problem=problem)
    return render(request, "experiences/publish.html", {"page": page}, status=status)


def confirmed(given: QueryDict, ids: Sequence[UUID]) -> dict[UUID, str]:
    """What the form says was looked at: experience -> digest of what was shown. Problem 422 without the tick."""
    if given.get("seen") != "yes":
        raise Problem(
            422, "not_confirmed", "Not confirmed", "nothing was changed: tick that you have seen it"
        )
    shown = {pk: given.get(f"shown-{pk}", "") for pk in ids[:MOST]}
    found = {pk: digest for pk, digest in shown.items() if digest}
    if not found:
        raise Problem(
            422, "nothing_shown", "Nothing chosen", "nothing was changed: choose what to publish first"
        )
    return found


def publish_page(user: User, ids: Sequence[UUID], wanted: str, *, is_one: bool, problem: str) -> PublishPage:
    items = [item_of(one) for one in services.publications_of(ids[:MOST], wanted, actor=user)]
    audiences = [(str(name), words) for name, words in services.AUDIENCES.items()]
    return PublishPage(wanted, audiences, items, len(ids) - len(items), is_one, problem)


def item_of(publication: services.Publication) -> Item:
    answer = ExperienceAnswer(publication.experience).data
    return Item(
        publication, json.dumps(json.loads(json.dumps(answer, default=str)), indent=2, ensure_ascii=False)
    )
