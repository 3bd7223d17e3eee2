"""/api/v1/experiences/ and runs/: thin doors to services and selectors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from knowledgebase.accounts.models import Team, User
from knowledgebase.core.api import BoundedJSONParser, NDJSONParser, UnreadableLine, conditional
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import exports, selectors, services
from knowledgebase.experiences.api.common import (
    FILTERED,
    FILTERS,
    SCOPES,
    TAKEN,
    TAKEN_OR_GONE,
    TO_WHOM_READ,
    TO_WHOM_SENT,
    WIDER,
    ByStart,
    InOrder,
    caller,
    chosen_fields,
    found_rows,
    reader,
)
from knowledgebase.experiences.models import Experience, Run
from knowledgebase.experiences.serializers import (
    BatchAnswer,
    ExperienceAnswer,
    ExperienceDetailAnswer,
    PublicationAnswer,
    PublicationRequest,
    RunAnswer,
    SharingRequest,
)
from knowledgebase.experiences.services import ItemResult

VISIBILITY = OpenApiParameter(
    "visibility",
    str,
    enum=["private", "team"],
    description="who may see what is sent; team when absent. To show it to more people is a step of its own, "
    "`publication/`",
)


class ExperienceList(ListAPIView[Experience]):
    """Experiences you may see, newest change first; and new ones."""

    scopes = SCOPES
    refusals = TAKEN_OR_GONE
    serializer_class = ExperienceAnswer
    pagination_class = InOrder
    parameters = FILTERED
    parser_classes = (BoundedJSONParser, NDJSONParser)
    queryset = Experience.objects.none()

    def get_queryset(self) -> Any:
        return found_rows(self.request, chosen_fields(self.request))

    @extend_schema(parameters=FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List, filter, sort and page through experiences.

        With `fields`, each result is a flat object of these fields and `id` instead of record and hub.
        """
        fields = chosen_fields(request)
        page = self.paginate_queryset(self.get_queryset()) or []
        if fields:
            return self.get_paginated_response([exports.flat(row, fields) for row in page])
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        parameters=[
            VISIBILITY,
            OpenApiParameter("Content-Encoding", str, OpenApiParameter.HEADER, enum=["gzip", "identity"]),
        ],
        request={"application/json": OpenApiTypes.OBJECT, "application/x-ndjson": OpenApiTypes.STR},
        responses={200: BatchAnswer, 201: ExperienceAnswer},
    )
    def post(self, request: Request) -> Response:
        """Send one record, or many: a JSON array, or one a line (application/x-ndjson), also packed with gzip.

        Many answer 200 with one result an item. One record answers 201 (new), 200 (already there) or the problem.
        """
        user, team = caller(request)
        visibility = services.sendable_visibility(request.query_params.get("visibility", "team"))
        body = request.data
        batch = body if isinstance(body, list) else [body]
        if len(batch) > settings.MAX_BATCH_ITEMS:
            detail = (
                f"{len(batch)} records in one request, at most {settings.MAX_BATCH_ITEMS}; send them in parts"
            )
            raise Problem(413, "batch_too_large", "Too many records", detail)
        read = [item for item in batch if not isinstance(item, UnreadableLine)]
        stored = services.record_experiences(read, owner=user, team=team, visibility=visibility)
        if isinstance(body, list):
            return Response({"results": [item_answer(result) for result in in_place(batch, stored)]})
        [result] = stored
        if result.problem is not None:
            raise result.problem
        return Response(stored_answer(user, team, result, body), status=result.status)


def in_place(batch: list[Any], stored: list[ItemResult]) -> list[ItemResult]:
    """One result an item, in the order sent; lines that are no JSON never reached the store."""
    results = iter(stored)
    return [
        ItemResult(400, None, item.problem) if isinstance(item, UnreadableLine) else next(results)
        for item in batch
    ]


def stored_answer(user: User, team: Team, result: ItemResult, record: object) -> object:
    """The row as stored; its hub part is null where the same record was sent before by somebody it is private to."""
    if result.row is not None:
        result.row.owner, result.row.team = user, team
        return ExperienceAnswer(result.row).data
    rows = selectors.experience_list(user).prefetch_related(None).select_related("task", "team", "owner")
    row = rows.defer(None).filter(pk=str(result.id)).first()
    return {"record": record, "hub": None} if row is None else ExperienceAnswer(row).data


def item_answer(result: ItemResult) -> dict[str, object]:
    problem = result.problem.document() if result.problem else None
    return {"id": result.id, "status": result.status, "problem": problem}


def detail_answer(user: User, experience_id: UUID) -> object:
    row = selectors.experience_detail(user, experience_id)
    row.duplicates = selectors.duplicates_of(user, row)  # type: ignore[attr-defined]  # read by the serializer only
    return ExperienceDetailAnswer(row).data


class ExperienceDetail(APIView):
    """One experience."""

    scopes = SCOPES
    refusals = WIDER
    answers_304 = True

    @extend_schema(responses=ExperienceDetailAnswer)
    def get(self, request: Request, experience_id: UUID) -> Response:
        """The record as it was sent, what the hub knows beside it, and experiences with the same content."""
        return conditional(request, detail_answer(reader(request), experience_id))

    @extend_schema(request=SharingRequest, responses=ExperienceDetailAnswer)
    def patch(self, request: Request, experience_id: UUID) -> Response:
        """Let fewer people see it (public > hub > team > private); the record itself never changes.

        409 `widening_is_publishing` where more people would see it: that is done under `publication/`, which shows
        first what they would read.
        """
        user = reader(request)
        asked = SharingRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        services.narrow_experience(experience_id, asked.validated_data["visibility"], actor=user)
        return Response(detail_answer(user, experience_id))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, experience_id: UUID) -> Response:
        """Delete for good, with everything that only this experience said; the id is refused from then on."""
        services.delete_experience(experience_id, actor=reader(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExperiencePublication(APIView):
    """What others would see of an experience, and the word that lets them."""

    scopes = SCOPES
    refusals = TAKEN
    answers_304 = True
    parameters = TO_WHOM_READ

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "visibility",
                str,
                enum=list(services.AUDIENCES),
                description="whom to show it; public when absent",
            )
        ],
        responses=PublicationAnswer,
    )
    def get(self, request: Request, experience_id: UUID) -> Response:
        """Exactly what would become visible, to whom, and which of its texts may tell of people or machines."""
        wanted = request.query_params.get("visibility", "public")
        shown = services.publication_of(experience_id, wanted, actor=reader(request))
        return conditional(request, PublicationAnswer(shown).data)

    @extend_schema(request=PublicationRequest, responses=PublicationAnswer)
    def post(self, request: Request, experience_id: UUID) -> Response:
        """Publish what was shown: `shown` is the digest of the answer to GET. 409 when it is another by now."""
        asked = PublicationRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        done = services.publish_experience(
            experience_id, given["visibility"], shown=given["shown"], actor=reader(request)
        )
        return Response(PublicationAnswer(done).data)


class RunList(ListAPIView[Run]):
    """Runs that have not ended, as far as you may see them; and the news that one lives."""

    scopes = SCOPES
    refusals = TAKEN_OR_GONE
    serializer_class = RunAnswer
    parameters = TO_WHOM_SENT
    pagination_class = ByStart
    queryset = Run.objects.none()

    def get_queryset(self) -> Any:
        return selectors.running_runs(reader(self.request))

    @extend_schema(parameters=[VISIBILITY], request=OpenApiTypes.OBJECT, responses={200: None, 201: None})
    def post(self, request: Request) -> Response:
        """Say that a run has started, and again as heartbeat: the record without outcome, metrics, primary, cost.

        Who may see that it goes on may be said each time; the narrower holds, and its experience is for no more.
        """
        user, team = caller(request)
        given = request.query_params.get("visibility")
        visibility = None if given is None else services.sendable_visibility(given)
        is_new = services.note_run(request.data, owner=user, team=team, visibility=visibility)
        return Response(status=201 if is_new else 200)
