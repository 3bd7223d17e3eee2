"""/api/v1/experiences/, runs/, tasks/, language-models/, stats/: thin doors to services and selectors."""

from __future__ import annotations

from typing import Any, cast
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
from knowledgebase.accounts.services import personal_team
from knowledgebase.core.api import CursorPages
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import selectors, services
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
PAGE_PARAMETERS = ("cursor", "limit", "format")
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
    )
]


class ById(CursorPages):
    ordering = "id"


class ByStart(CursorPages):
    ordering = "-started_at"


def caller(request: Request) -> tuple[User, Team]:
    """Who asks, and the team that what they send belongs to: the token's, else their own."""
    user = cast(User, request.user)
    return user, getattr(request.auth, "team", None) or personal_team(user)


class ExperienceList(ListAPIView[Experience]):
    """Experiences you may see, newest change first; and new ones."""

    scopes = SCOPES
    serializer_class = ExperienceAnswer
    queryset = Experience.objects.none()

    def get_queryset(self) -> Any:
        filters = ExperienceFilters.parse(self.request.query_params.dict(), beside=PAGE_PARAMETERS)
        return selectors.experience_list(cast(User, self.request.user), filters).defer(None)

    @extend_schema(parameters=FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List, filter and page through experiences."""
        return super().get(request, *args, **kwargs)

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
