"""/api/v1/experiences/, runs/, tasks/, language-models/, stats/: thin doors to services and selectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.services import personal_team
from knowledgebase.core.api import CursorPages
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import exports, selectors, services
from knowledgebase.experiences.expressions import Field, field_named, ordering
from knowledgebase.experiences.filters import ExperienceFilters
from knowledgebase.experiences.models import Experience, LanguageModel, Run, Task
from knowledgebase.experiences.serializers import (
    BatchAnswer,
    ExperienceAnswer,
    LanguageModelAnswer,
    RunAnswer,
    SharingRequest,
    StatisticsAnswer,
    TaskAnswer,
    TaskDetailAnswer,
)
from knowledgebase.experiences.services import ItemResult

WRITE = "experiences:write"
SCOPES = {"GET": "experiences:read", "POST": WRITE, "PATCH": WRITE, "DELETE": WRITE}
PAGE_PARAMETERS = ("cursor", "limit", "format", "order", "fields", "as")
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
        ("q", "part of a task's or language model's name"),
        ("filter", "an expression: `method = lora and h.learning_rate >= 1e-4`; see docs/filters.md"),
        ("order", "a field of the filter language to sort by, `-score` for downwards; newest change first"),
        ("fields", "only these fields of the filter language, comma-separated, instead of whole records"),
    )
]


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
        self.request, self.order = request, ordering(request.query_params.get("order", ""))
        rows, cursor = self.order.apply(queryset), request.query_params.get("cursor", "")
        size = self.get_page_size(request)
        page = list((self.order.after(rows, cursor) if cursor else rows)[: size + 1])
        self.behind = self.order.cursor_of(page[size - 1]) if len(page) > size else ""
        return page[:size]

    def get_paginated_response(self, data: Any) -> Response:
        """`next` is an address or null."""
        address = replace_query_param(self.request.build_absolute_uri(), "cursor", self.behind)
        return Response({"next": address if self.behind else None, "previous": None, "results": data})


def caller(request: Request) -> tuple[User, Team]:
    """Who asks, and the team that what they send belongs to: the token's, else their own."""
    user = cast(User, request.user)
    return user, getattr(request.auth, "team", None) or personal_team(user)


def chosen_fields(request: Request, usual: Sequence[str] = ()) -> list[Field]:
    """The fields named in the address, else the usual ones."""
    given = request.query_params.get("fields", "").split(",")
    names = [name.strip() for name in given if name.strip()] or list(usual)
    if len(names) > MAX_FIELDS:
        detail = f"{len(names)} fields in one request, at most {MAX_FIELDS}"
        raise Problem(400, "too_many_fields", "Too many fields", detail)
    return [field_named(name) for name in names]


def found_rows(request: Request, fields: Sequence[Field]) -> QuerySet[Experience]:
    """What the caller may see and the address asks for; whole rows where there are no fields."""
    filters = ExperienceFilters.parse(request.query_params.dict(), beside=PAGE_PARAMETERS)
    rows = selectors.experience_list(cast(User, request.user), filters)
    return selectors.experience_fields(rows, fields) if fields else rows.defer(None)


class ExperienceList(ListAPIView[Experience]):
    """Experiences you may see, newest change first; and new ones."""

    scopes = SCOPES
    serializer_class = ExperienceAnswer
    pagination_class = InOrder
    queryset = Experience.objects.none()

    def get_queryset(self) -> Any:
        return found_rows(self.request, chosen_fields(self.request))

    @extend_schema(parameters=FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List, filter, sort and page through experiences."""
        fields = chosen_fields(request)
        page = self.paginate_queryset(self.get_queryset()) or []
        if fields:
            return self.get_paginated_response([exports.flat(row, fields) for row in page])
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=OpenApiTypes.OBJECT, responses={200: BatchAnswer, 201: ExperienceAnswer})
    def post(self, request: Request) -> Response:
        """Send one record, or an array of them.

        An array answers 200 with one result an item. One record answers 201 (new), 200 (already there) or the problem.
        """
        user, team = caller(request)
        visibility = services.known_visibility(request.query_params.get("visibility", "team"))
        body = request.data
        batch = body if isinstance(body, list) else [body]
        if len(batch) > settings.MAX_BATCH_ITEMS:
            detail = (
                f"{len(batch)} records in one request, at most {settings.MAX_BATCH_ITEMS}; send them in parts"
            )
            raise Problem(413, "batch_too_large", "Too many records", detail)
        results = services.record_experiences(batch, owner=user, team=team, visibility=visibility)
        if isinstance(body, list):
            return Response({"results": [item_answer(result) for result in results]})
        [result] = results
        if result.problem is not None:
            raise result.problem
        return Response(stored_answer(user, result, body), status=result.status)


def stored_answer(user: User, result: ItemResult, record: object) -> object:
    """The row as stored; its hub part is null where the same record was sent before by somebody it is private to."""
    row = selectors.experience_list(user).defer(None).filter(pk=str(result.id)).first()
    return {"record": record, "hub": None} if row is None else ExperienceAnswer(row).data


def item_answer(result: ItemResult) -> dict[str, object]:
    problem = result.problem.document() if result.problem else None
    return {"id": result.id, "status": result.status, "problem": problem}


class ExperienceExport(APIView):
    """Everything the filters find, as a stream."""

    scopes = SCOPES

    @extend_schema(
        parameters=[
            *FILTERS,
            OpenApiParameter("as", str, enum=["ndjson", "csv"], description="ndjson (default) or csv"),
        ],
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR, (200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Whole records or, with `fields`, flat objects as NDJSON; fields as CSV. X-Row-Count: how many rows."""
        form = request.query_params.get("as", "ndjson")
        if form not in ("ndjson", "csv"):
            raise Problem(400, "unknown_format", "Unknown format", f"as={form[:40]!r}; choose ndjson or csv")
        fields = chosen_fields(request, exports.USUAL_FIELDS if form == "csv" else ())
        rows = ordering(request.query_params.get("order", "")).apply(found_rows(request, fields))
        stream = rows.iterator(chunk_size=500)
        if form == "csv":
            lines, kind = exports.comma_separated(stream, fields), "text/csv; charset=utf-8"
        else:
            lines = exports.ndjson_fields(stream, fields) if fields else exports.ndjson(stream)
            kind = "application/x-ndjson"
        headers = {"X-Row-Count": str(rows.count())}
        headers["Content-Disposition"] = f'attachment; filename="experiences.{form}"'
        return StreamingHttpResponse(lines, content_type=kind, headers=headers)


class ExperienceDetail(APIView):
    """One experience."""

    scopes = SCOPES

    @extend_schema(responses=ExperienceAnswer)
    def get(self, request: Request, experience_id: UUID) -> Response:
        """The record as it was sent, and what the hub knows beside it."""
        row = selectors.experience_detail(cast(User, request.user), experience_id)
        return Response(ExperienceAnswer(row).data)

    @extend_schema(request=SharingRequest, responses=ExperienceAnswer)
    def patch(self, request: Request, experience_id: UUID) -> Response:
        """Change who may see it; the record itself never changes."""
        user = cast(User, request.user)
        asked = SharingRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        services.share_experience(experience_id, asked.validated_data["visibility"], actor=user)
        return Response(ExperienceAnswer(selectors.experience_detail(user, experience_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, experience_id: UUID) -> Response:
        """Delete for good; the id is refused from then on."""
        services.delete_experience(experience_id, actor=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


class RunList(ListAPIView[Run]):
    """Runs of your teams that have not ended; and the news that one lives."""

    scopes = SCOPES
    serializer_class = RunAnswer
    pagination_class = ByStart
    queryset = Run.objects.none()

    def get_queryset(self) -> Any:
        return selectors.running_runs(cast(User, self.request.user))

    @extend_schema(request=OpenApiTypes.OBJECT, responses={200: None, 201: None})
    def post(self, request: Request) -> Response:
        """Say that a run has started, and again as heartbeat: the record without outcome, metrics, primary, cost."""
        user, team = caller(request)
        is_new = services.note_run(request.data, owner=user, team=team)
        return Response(status=201 if is_new else 200)


class TaskList(ListAPIView[Task]):
    """Tasks you may see an experience of."""

    scopes = SCOPES
    serializer_class = TaskAnswer
    pagination_class = ById
    queryset = Task.objects.none()

    def get_queryset(self) -> Any:
        return selectors.task_list(cast(User, self.request.user))


class TaskDetail(APIView):
    """One task, with the nearest ones and why they are near."""

    scopes = SCOPES

    @extend_schema(responses=TaskDetailAnswer)
    def get(self, request: Request, digest: str) -> Response:
        """A task by its digest."""
        user = cast(User, request.user)
        task = selectors.task_detail(user, digest)
        task.nearest = selectors.nearest_tasks(user, task)  # type: ignore[attr-defined]  # read by the serializer only
        return Response(TaskDetailAnswer(task).data)


class LanguageModelList(ListAPIView[LanguageModel]):
    """Language models you may see an experience of."""

    scopes = SCOPES
    serializer_class = LanguageModelAnswer
    pagination_class = ById
    queryset = LanguageModel.objects.none()

    def get_queryset(self) -> Any:
        return selectors.language_model_list(cast(User, self.request.user))


class StatisticsView(APIView):
    """What the store knows."""

    scopes = SCOPES

    @extend_schema(responses=StatisticsAnswer)
    def get(self, request: Request) -> Response:
        """Counts and sums over the experiences you may see."""
        return Response(StatisticsAnswer(selectors.statistics(cast(User, request.user))).data)
