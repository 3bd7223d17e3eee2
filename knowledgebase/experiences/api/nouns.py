"""/api/v1/language-models/, systems/ and stats/: what experiences are made with, and what there is in all."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from knowledgebase.core.api import conditional
from knowledgebase.experiences import selectors
from knowledgebase.experiences.api.common import SCOPES, ById, reader
from knowledgebase.experiences.models import LanguageModel, System
from knowledgebase.experiences.serializers import (
    LanguageModelAnswer,
    LanguageModelDetailAnswer,
    StatisticsAnswer,
    SystemAnswer,
)


class LanguageModelList(ListAPIView[LanguageModel]):
    """Language models you may see an experience of."""

    scopes = SCOPES
    serializer_class = LanguageModelAnswer
    pagination_class = ById
    queryset = LanguageModel.objects.none()

    def get_queryset(self) -> Any:
        return selectors.language_model_list(reader(self.request))

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        user = reader(self.request)
        selectors.with_sums(user, "language_model", page or [])
        selectors.describe_language_models(user, page or [])
        return page


class LanguageModelDetail(APIView):
    """One language model."""

    scopes = SCOPES
    answers_304 = True

    @extend_schema(responses=LanguageModelDetailAnswer)
    def get(self, request: Request, pk: int) -> Response:
        """A language model, where its features come from, and what it reached on each task."""
        user = reader(request)
        row = selectors.language_model_detail(user, pk)
        row.on_tasks = selectors.language_model_on_tasks(user, row)  # type: ignore[attr-defined]  # for the serializer
        return conditional(request, LanguageModelDetailAnswer(row).data)


class SystemList(ListAPIView[System]):
    """Systems you may see an experience of."""

    scopes = SCOPES
    serializer_class = SystemAnswer
    pagination_class = ById
    queryset = System.objects.none()

    def get_queryset(self) -> Any:
        return selectors.system_list(reader(self.request))

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        selectors.with_sums(reader(self.request), "system", page or [])
        return page


class SystemDetail(APIView):
    """One system."""

    scopes = SCOPES
    answers_304 = True

    @extend_schema(responses=SystemAnswer)
    def get(self, request: Request, system_digest: str) -> Response:
        """Hardware and software by digest, and how much is known about it."""
        row = selectors.system_detail(reader(request), system_digest)
        return conditional(request, SystemAnswer(row).data)


class StatisticsView(APIView):
    """What the store knows."""

    scopes = SCOPES
    answers_304 = True

    @extend_schema(responses=StatisticsAnswer)
    def get(self, request: Request) -> Response:
        """Counts and sums over the experiences you may see."""
        return conditional(request, StatisticsAnswer(selectors.statistics(reader(request))).data)
