"""/api/v1/tasks/ and neighbours/: what was learnt on a task, and which tasks are near it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from knowledgebase.core.api import conditional
from knowledgebase.core.deadlines import bounded_read
from knowledgebase.experiences import selectors
from knowledgebase.experiences.api.common import READ_BY_POST, SCOPES, UNSEEN, ById, reader
from knowledgebase.experiences.models import Task
from knowledgebase.experiences.serializers import (
    LeaderboardAnswer,
    NeighboursAnswer,
    NeighboursRequest,
    TaskAnswer,
    TaskDetailAnswer,
    described,
)

OF_A_BOARD = {"GET": ("metric", "split", "limit")}


class TaskList(ListAPIView[Task]):
    """Tasks you may see an experience of."""

    scopes = SCOPES
    serializer_class = TaskAnswer
    pagination_class = ById
    queryset = Task.objects.none()

    def get_queryset(self) -> Any:
        return selectors.task_list(reader(self.request))

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        selectors.describe_tasks(reader(self.request), page or [])
        return page


class TaskDetail(APIView):
    """One task, with the nearest ones and why they are near."""

    scopes = SCOPES
    answers_304 = True

    @extend_schema(responses=TaskDetailAnswer)
    def get(self, request: Request, digest: str) -> Response:
        """A task by its digest."""
        user = reader(request)
        task = selectors.task_detail(user, digest)
        task.nearest = selectors.nearest_tasks(user, task)  # type: ignore[attr-defined]  # read by the serializer only
        return conditional(request, TaskDetailAnswer(task).data)


class TaskLeaderboard(APIView):
    """What reached most on a task, and what nothing beats in score and time at once."""

    scopes = SCOPES
    parameters = OF_A_BOARD
    answers_304 = True

    @extend_schema(
        parameters=[
            OpenApiParameter("metric", str, description="whose scores; the most used one when absent"),
            OpenApiParameter("split", str, description="validation, test or any other; the most used one"),
            OpenApiParameter(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": selectors.MOST_LEADERS},
                description="how many of the best; 20 when absent",
            ),
        ],
        responses=LeaderboardAnswer,
    )
    def get(self, request: Request, digest: str) -> Response:
        """The best experiences of one metric and split, which alone compare, and their Pareto front."""
        user, asked = reader(request), request.query_params
        board = selectors.leaderboard(
            user,
            selectors.task_detail(user, digest),
            metric=asked.get("metric", ""),
            split=asked.get("split", ""),
            limit=asked.get("limit", ""),
        )
        return conditional(request, LeaderboardAnswer(board).data)


class Neighbours(APIView):
    """The nearest tasks to one that is known, or to one that is only described."""

    scopes = READ_BY_POST
    refusals = UNSEEN

    @extend_schema(request=NeighboursRequest, responses=NeighboursAnswer)
    @bounded_read
    def post(self, request: Request) -> Response:
        """Nearest tasks with distance and why, feature by feature. Nothing is stored.

        Give one of `task` (digest), `metafeatures` (named numbers) or `statistics` (class counts and text lengths).
        """
        asked = NeighboursRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        target = described(reader(request), asked.validated_data)
        selectors.require_common_features(reader(request), target)
        near = selectors.nearest_to(reader(request), target, asked.validated_data["k"])
        return Response(NeighboursAnswer({"target": target, "neighbours": near}).data)
