"""/api/v1/experiences/export/: everything the filters find, as a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from knowledgebase.core.errors import Problem
from knowledgebase.experiences import exports, selectors
from knowledgebase.experiences.api.common import FILTERS, SCOPES, chosen_fields, found_rows
from knowledgebase.experiences.expressions import Field, ordering
from knowledgebase.experiences.models import Experience

KINDS = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
CHUNK = 500


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
        from the first rows.
        """
        form = request.query_params.get("as", "ndjson")
        if form not in KINDS:
            message = f"as={form[:40]!r}; choose {', '.join(KINDS)}"
            raise Problem(400, "unknown_format", "Unknown format", message)
        fields = chosen_fields(request, () if form == "ndjson" else exports.USUAL_FIELDS)
        with_record = form == "parquet" and not request.query_params.get("fields")
        found = found_rows(request, fields, with_record=with_record)
        rows = ordering(request.query_params.get("order", "")).apply(found)
        count, is_exact = selectors.row_count(rows)
        sample = b"".join(stream(form, list(rows[: exports.SAMPLE_ROWS]), fields))
        headers = {
            "X-Row-Count": str(count),
            "X-Row-Count-Is": "exact" if is_exact else "estimate",
            "X-Length-Estimate": str(exports.length_estimate(len(sample), count)),
            "Content-Disposition": f'attachment; filename="experiences.{form}"',
        }
        lines = stream(form, rows, fields)
        return StreamingHttpResponse(lines, content_type=KINDS[form], headers=headers)


def stream(
    form: str, rows: QuerySet[Experience] | list[Experience], fields: Sequence[Field]
) -> Iterator[bytes]:
    """The rows in a form, piece by piece; a query is read as it is sent."""
    read = rows if isinstance(rows, list) else rows.iterator(chunk_size=CHUNK)
    if form == "csv":
        return exports.comma_separated(read, fields)
    if form == "parquet":
        return exports.parquet(read, fields)
    return exports.ndjson_fields(read, fields) if fields else exports.ndjson(read)
