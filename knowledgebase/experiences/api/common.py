"""What the views of this app share: scopes, paging in any order, who asks, the filters of the address.

They know no service.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.services import personal_team
from knowledgebase.core.api import CursorPages, conditional
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import selectors
from knowledgebase.experiences.expressions import Field, field_named, names_in, ordering
from knowledgebase.experiences.filters import ExperienceFilters
from knowledgebase.experiences.models import Experience, Task

WRITE = "experiences:write"
SCOPES = {"GET": "experiences:read", "POST": WRITE, "PATCH": WRITE, "DELETE": WRITE}
# Asks with a body, and changes nothing.
READ_BY_POST = {"POST": "experiences:read"}
# Refusals beside those that every operation may have.
TAKEN, TAKEN_OR_GONE, UNSEEN = {"POST": (409,)}, {"POST": (409, 410)}, {"POST": (404,)}
WIDER = {"PATCH": (409,)}
# Query parameters beside those of FILTERS.
TO_WHOM_READ, TO_WHOM_SENT = {"GET": ("visibility",)}, {"POST": ("visibility",)}
PAGE_PARAMETERS = ("cursor", "limit", "order", "fields", "as")
MAX_FIELDS = 40
FILTERS = [
    OpenApiParameter(name, str, description=text)
    for name, text in (
        ("task", "digest or name; several separated by commas"),
        ("method", "full, lora, partial, probe, linear or any other; several separated by commas"),
        ("language_model", "key or name; several separated by commas"),
        ("status", "outcome; `failed` stands for oom, timeout, diverged and error"),
        ("team", "slug of a team; several separated by commas"),
        ("via", "callback, run, search, import:<format> or peer"),
        ("since", "received at or after this date or time"),
        ("q", "part of a task's or language model's name, a method, an id or its last eight letters"),
        ("filter", "an expression: `method = lora and h.learning_rate >= 1e-4`; see docs/filters.md"),
        ("order", "a field of the filter language to sort by, `-score` for downwards; newest change first"),
        ("fields", "only these fields of the filter language, comma-separated, instead of whole records"),
    )
]

FILTER_NAMES = tuple(one.name for one in FILTERS)
FILTERED = {"GET": FILTER_NAMES, **TO_WHOM_SENT}
EXPORTED = {"GET": (*FILTER_NAMES, "as")}


class ById(CursorPages):
    ordering = "id"


class ByStart(CursorPages):
    ordering = "-started_at"


class InOrder(CursorPages):
    """Pages in any order, by the place behind the last row; forwards only."""

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """One page; Problem 400 for an unknown field or a cursor that is not of this list."""
        self.request, order = request, ordering(request.query_params.get("order", ""))
        page = order.page(queryset, request.query_params.get("cursor", ""), self.get_page_size(request))
        self.behind = page.behind
        return list(page.rows)

    def get_paginated_response(self, data: Any) -> Response:
        """`next` is an address or null."""
        address = replace_query_param(self.request.build_absolute_uri(), "cursor", self.behind)
        whole = {"next": address if self.behind else None, "previous": None, "results": data}
        return conditional(self.request, whole)


def reader(request: Request) -> User:
    """Who asks."""
    return cast(User, request.user)


def caller(request: Request) -> tuple[User, Team]:
    """Who asks, and the team that what they send belongs to: the token's, else their own."""
    user = reader(request)
    return user, getattr(request.auth, "team", None) or personal_team(user)


def chosen_fields(request: Request, usual: Sequence[str] = ()) -> list[Field]:
    """The fields named in the address, else the usual ones."""
    names = names_in(request.query_params.get("fields", "")) or list(usual)
    if len(names) > MAX_FIELDS:
        detail = f"{len(names)} fields in one request, at most {MAX_FIELDS}"
        raise Problem(400, "too_many_fields", "Too many fields", detail)
    return [field_named(name) for name in names]


def found_rows(
    request: Request, fields: Sequence[Field], *, with_record: bool = False
) -> QuerySet[Experience]:
    """What the caller may see and the address asks for; whole rows where there are no fields."""
    filters = ExperienceFilters.parse(request.query_params.dict(), beside=PAGE_PARAMETERS)
    rows = selectors.experience_list(reader(request), filters)
    if not fields:
        # What the answer tells of the nouns beside a row, and no more.
        beside = (
            Prefetch("task", Task.objects.only("digest")),
            "team",
            Prefetch("owner", User.objects.only("username")),
        )
        return rows.defer(None).prefetch_related(None).prefetch_related(*beside)
    return selectors.experience_fields(rows, fields, with_record=with_record)
