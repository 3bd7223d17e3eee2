"""/api/v1/experiences/export/: everything the filters find, as a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from knowledgebase.core.errors import Problem
from knowledgebase.core.streams import Stream
from knowledgebase.experiences import exports, selectors
from knowledgebase.experiences.api.common import EXPORTED, FILTERS, SCOPES, chosen_fields, found_rows
from knowledgebase.experiences.expressions import Field, ordering
from knowledgebase.experiences.models import Experience

KINDS = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


class AsNamed(BaseContentNegotiation):
    """The form is named by `as`; what the Accept header says does not matter."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type


class ExperienceExport(APIView):
    """Everything the filters find, as a stream."""

    scopes = SCOPES
    content_negotiation_class = AsNamed
    parameters = EXPORTED

    @extend_schema(
        parameters=[
            *FILTERS,
            OpenApiParameter("as", str, enum=list(KINDS), description="ndjson when absent"),
        ],
        responses={
            (200, "application/x-ndjson"): OpenApiTypes.STR,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Whole records or, with `fields`, flat objects as NDJSON; fields as CSV; both as Parquet.

        X-Row-Count: how many rows; X-Row-Count-Is: `exact`, or `estimate` for very many. X-Length-Estimate: bytes,
        from the first rows; see docs/api.md for how far it may be off. Which rows, and in what order, is settled when
        it begins. A question that takes too long is refused before (422 `query_too_slow`), more than three exports of
        one process at once as well (429). What takes longer than TUNELORE_EXPORT_TIMEOUT_S, or is not taken for a
        minute, breaks off without the end that HTTP gives a whole answer.
        """
        form = request.query_params.get("as", "ndjson")
        if form not in KINDS:
            message = f"as={form[:40]!r}; choose {', '.join(KINDS)}"
            raise Problem(400, "unknown_format", "Unknown format", message)
        fields = chosen_fields(request, () if form == "ndjson" else exports.USUAL_FIELDS)
        with_record = form == "parquet" and not request.query_params.get("fields")
        found = found_rows(request, fields, with_record=with_record)
        order = ordering(request.query_params.get("order", ""))
        # Both under the bound of every read: what takes too long is refused before anything is sent.
        count, is_exact = selectors.row_count(found)
        first = order.page(found, "", exports.SAMPLE_ROWS).rows
        estimate = exports.length_estimate(lambda rows: stream(form, rows, fields), first, count)
        headers = {
            "X-Row-Count": str(count),
            "X-Row-Count-Is": "exact" if is_exact else "estimate",
            "X-Length-Estimate": str(estimate),
            "Content-Disposition": f'attachment; filename="experiences.{form}"',
        }
        pieces = stream(form, selectors.in_parts(order.apply(found)), fields)
        sent = Stream(pieces, seconds=settings.EXPORT_TIMEOUT_S, environ=request.META)
        return StreamingHttpResponse(sent, content_type=KINDS[form], headers=headers)


def stream(form: str, rows: Iterable[Experience], fields: Sequence[Field]) -> Iterator[bytes]:
    """The rows in a form, piece by piece, read as they are sent."""
    if form == "csv":
        return exports.comma_separated(rows, fields)
    if form == "parquet":
        return exports.parquet(rows, fields)
    return exports.ndjson_fields(rows, fields) if fields else exports.ndjson(rows)
