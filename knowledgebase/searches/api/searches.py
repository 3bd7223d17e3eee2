"""/api/v1/datasets/ and /api/v1/searches/: thin doors to services and selectors.

It knows no rule: input is checked for its shape here and for its sense there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.services import personal_team
from knowledgebase.core.api import BoundedJSONParser, CursorPages, require_scope
from knowledgebase.core.errors import FieldError, Problem, invalid, not_found
from knowledgebase.searches import selectors, services
from knowledgebase.searches.bridge import gate_report, trial_script
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.serializers import (
    DatasetAnswer,
    DatasetCreate,
    DatasetUpload,
    NeighbourAnswer,
    PriorAnswer,
    SearchAnswer,
    SearchCreate,
    SearchDetailAnswer,
    TrialAnswer,
)

NO_RESULT = {"GET": (409,)}
SCOPES = {"GET": "experiences:read", "POST": "searches:write", "DELETE": "searches:write"}
NOT_ENDED = {"DELETE": (409,)}
WITH_EXPERIENCES, OF_A_TRIAL = {"DELETE": ("experiences",)}, {"GET": ("trial",)}


class NewestFirst(CursorPages):
    """Newest first; the id decides between two of one instant."""

    ordering = ("-created_at", "id")  # type: ignore[assignment]  # a tuple is as good


class ByNumber(CursorPages):
    """Trials in the order of their numbers."""

    ordering = "number"


def caller(request: Request) -> tuple[User, Team]:
    """Who asks, and the team that what they make belongs to: the token's, else their own."""
    user = cast(User, request.user)
    return user, getattr(request.auth, "team", None) or personal_team(user)


def checked(serializer: Serializer[Any]) -> dict[str, Any]:
    """The validated input."""
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def found_search(request: Request, search_id: UUID) -> Search:
    search = selectors.search_detail(cast(User, request.user), search_id)
    if search is None:
        raise not_found("search", search_id)
    return search


class DatasetList(ListAPIView[Dataset]):
    """Datasets you may see, newest first; and new ones."""

    scopes = SCOPES
    serializer_class = DatasetAnswer
    pagination_class = NewestFirst
    parser_classes = (BoundedJSONParser, MultiPartParser)
    queryset = Dataset.objects.none()

    def get_queryset(self) -> Any:
        return selectors.dataset_list(cast(User, self.request.user))

    @extend_schema(
        request={"application/json": DatasetCreate, "multipart/form-data": DatasetUpload},
        responses={201: DatasetAnswer},
    )
    def post(self, request: Request) -> Response:
        """Name a dataset, built-in or of the HF Hub (JSON), or upload a file (multipart).

        A control worker reads it then: ask again.
        """
        is_upload = (request.content_type or "").startswith("multipart/")
        dataset = upload_dataset(request) if is_upload else named_dataset(request)
        return Response(DatasetAnswer(dataset).data, status=status.HTTP_201_CREATED)


def named_dataset(request: Request) -> Dataset:
    user, team = caller(request)
    given = checked(DatasetCreate(data=request.data))
    if given["source"] == "builtin":
        given = {name: given[name] for name in ("source", "name", "kind")}
    else:
        texts, label = services.COLUMNS[given["kind"]]
        given = {"text_columns": texts, "label_column": label, **given}
    return services.create_dataset(user, team=team, **given)


def upload_dataset(request: Request) -> Dataset:
    user, team = caller(request)
    given = checked(DatasetUpload(data=request.data))
    parts = {
        "train": given.pop("file"),
        "validation": given.pop("validation", None),
        "test": given.pop("test", None),
    }
    files = {
        split: services.store_upload(upload.chunks(), upload.name).name
        for split, upload in parts.items()
        if upload
    }
    given["name"] = given["name"] or Path(parts["train"].name).name.partition(".")[0] or "upload"
    return services.create_dataset(user, team=team, source="upload", files=files, **given)


class DatasetDetail(APIView):
    """One dataset: its state, what was found, or why it was refused."""

    scopes = SCOPES
    refusals = NOT_ENDED

    @extend_schema(responses=DatasetAnswer)
    def get(self, request: Request, dataset_id: UUID) -> Response:
        dataset = selectors.dataset_detail(cast(User, request.user), dataset_id)
        if dataset is None:
            raise not_found("dataset", dataset_id)
        return Response(DatasetAnswer(dataset).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, dataset_id: UUID) -> Response:
        """Delete for good, the files of an upload at once; what was fetched from the HF Hub is shared and stays.

        409 `dataset_in_use` while a search needs it. For searches on it that have ended its name, columns,
        fingerprint and statistics stay (state `deleted`), until the last of them is deleted.
        """
        services.delete_dataset(dataset_id, actor=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SearchList(ListAPIView[Search]):
    """Searches you may see, newest first; and new ones."""

    scopes = SCOPES
    serializer_class = SearchAnswer
    pagination_class = NewestFirst
    queryset = Search.objects.none()

    def get_queryset(self) -> Any:
        return selectors.search_list(cast(User, self.request.user))

    @extend_schema(
        request=SearchCreate,
        responses={201: SearchDetailAnswer},
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="The same key again answers with the first search.",
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Launch a search. It is answered at once; workers do the rest."""
        user, team = caller(request)
        search = services.launch_search(user, search_request(request, user), team=team)
        return Response(search_document(search), status=status.HTTP_201_CREATED)


def search_request(request: Request, user: User) -> services.SearchRequest:
    """The body as a request value; fields that are absent keep the defaults."""
    given = checked(SearchCreate(data=request.data))
    dataset_id = given.pop("dataset")
    dataset = selectors.dataset_detail(user, dataset_id)
    if dataset is None:
        message = f"there is no dataset '{dataset_id}' that you may see"
        raise Problem(422, "unknown_dataset", "Unknown dataset", message, [FieldError("dataset", message)])
    budget, limits = given.pop("budget"), given.pop("limits", {})
    given.setdefault("idempotency_key", request.headers.get("Idempotency-Key", "")[:200])
    return services.SearchRequest(
        dataset=dataset,
        budget_trials=budget["trials"],
        budget_seconds=budget["seconds"],
        **limits,
        **{name: value for name, value in given.items() if value != [] or name == "objectives"},
    )


def search_document(search: Search) -> dict[str, Any]:
    """A search with its report, as the API answers it."""
    report = selectors.search_report(search)
    counts = {
        "trials_done": report.trials_done,
        "trials_failed": report.trials_failed,
        "best_score": max((one.score for one in report.trials if one.score is not None), default=None),
    }
    for name, value in counts.items():
        setattr(search, name, value)
    search.report = report  # type: ignore[attr-defined]  # read by the serializer only
    search.gate_report = gate_report(report.trials)  # type: ignore[attr-defined]  # likewise
    return dict(SearchDetailAnswer(search).data)


class SearchDetail(APIView):
    """One search: state, counts, best, front, running trials, time left."""

    scopes = SCOPES
    parameters = WITH_EXPERIENCES
    refusals = NOT_ENDED

    @extend_schema(responses=SearchDetailAnswer)
    def get(self, request: Request, search_id: UUID) -> Response:
        return Response(search_document(found_search(request, search_id)))

    @extend_schema(
        responses={204: None},
        parameters=[
            OpenApiParameter(
                "experiences",
                str,
                enum=("keep", "delete"),
                description="What becomes of the experiences that its trials made; kept when absent. Deleting them "
                "needs the scope experiences:write as well.",
            )
        ],
    )
    def delete(self, request: Request, search_id: UUID) -> Response:
        """Delete for good, with its trials and the prior it kept; 409 `search_not_ended` before it has ended."""
        wanted = request.query_params.get("experiences", "keep")
        if wanted not in ("keep", "delete"):
            raise invalid("experiences", f"{wanted[:40]!r} is none; choose keep or delete")
        if wanted == "delete":
            require_scope(request, "experiences:write")
        services.delete_search(search_id, actor=cast(User, request.user), with_experiences=wanted == "delete")
        return Response(status=status.HTTP_204_NO_CONTENT)


class TrialList(ListAPIView[Trial]):
    """Trials of one search by number."""

    scopes = SCOPES
    serializer_class = TrialAnswer
    pagination_class = ByNumber
    queryset = Trial.objects.none()

    def get_queryset(self) -> Any:
        return selectors.trial_list(found_search(self.request, self.kwargs["search_id"]))

    def paginate_queryset(self, queryset: Any) -> Any:
        """A page, and what of its reasons the caller may see: two queries for all of it."""
        page = super().paginate_queryset(queryset)
        self.sources = selectors.visible_sources(cast(User, self.request.user), page or ())
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "sources": getattr(self, "sources", None)}


class SearchPrior(APIView):
    """What the store said before the first trial, beside uniform."""

    scopes = SCOPES

    @extend_schema(responses=PriorAnswer)
    def get(self, request: Request, search_id: UUID) -> Response:
        search = found_search(request, search_id)
        summary, reader = search.prior_summary, cast(User, request.user)
        return Response(
            {
                "digest": search.prior_digest,
                "neighbours": NeighbourAnswer(selectors.prior_neighbours(reader, search), many=True).data,
                "distributions": summary.get("distributions", {}),
                "uniform": summary.get("uniform", {}),
                "experiences": selectors.prior_experiences(reader, search),
            }
        )


class SearchCancel(APIView):
    """Stop a search; what has been learnt is kept. Again is harmless."""

    scopes = SCOPES

    @extend_schema(request=None, responses={202: SearchDetailAnswer})
    def post(self, request: Request, search_id: UUID) -> Response:
        cancelled = services.cancel_search(cast(User, request.user), found_search(request, search_id))
        return Response(search_document(cancelled), status=status.HTTP_202_ACCEPTED)


class SearchScript(APIView):
    """A Python script that runs one trial again: same rows, same seed, one thread."""

    scopes = SCOPES
    parameters = OF_A_TRIAL
    refusals = NO_RESULT

    @extend_schema(
        parameters=[
            OpenApiParameter("trial", int, description="number of the trial; the best one when absent")
        ],
        responses={(200, "text/x-python"): OpenApiResponse(OpenApiTypes.STR, description="a Python script")},
    )
    def get(self, request: Request, search_id: UUID) -> HttpResponse:
        search = found_search(request, search_id)
        trial = chosen_trial(search, request.query_params.get("trial"))
        headers = {
            "Content-Disposition": f'attachment; filename="tunelore-{str(search.pk)[:8]}-{trial.number}.py"'
        }
        return HttpResponse(trial_script(trial), content_type="text/x-python; charset=utf-8", headers=headers)


def chosen_trial(search: Search, number: str | None) -> Trial:
    trials = selectors.trial_list(search).select_related("search__dataset")
    if number is None:
        best = selectors.best_trial(list(trials), search.objectives)
        if best is None:
            raise Problem(
                409, "no_result", "No result yet", "no trial of this search has a score yet; ask again later"
            )
        return best
    trial = trials.filter(number=int(number)).first() if number.isascii() and number.isdigit() else None
    if trial is None:
        raise not_found("trial", number)
    return trial
