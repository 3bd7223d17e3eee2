"""Request bodies: of a bounded size, plain or gzip, one JSON value or one a line. It knows no view.

JSON is read as strictly as records are: no NaN, no doubled names, no lone surrogates.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from rest_framework.parsers import BaseParser
from tunelore.record import RecordError, parse

from knowledgebase.core.errors import FieldError, Problem

GZIP = 31  # zlib's name for "gzip, with its header and checksum"


@dataclass(frozen=True)
class UnreadableLine:
    """A line that is no JSON; it stands where its value would, so that the other lines are not lost."""

    problem: Problem


def body_of(stream: Any, context: Mapping[str, Any] | None) -> bytes:
    """The body, unpacked. Problem 413 when it is larger than MAX_BODY_BYTES, packed or not."""
    data = stream.read(settings.MAX_BODY_BYTES + 1)
    if len(data) > settings.MAX_BODY_BYTES:
        raise too_large()
    request = (context or {}).get("request")
    coding = request.headers.get("Content-Encoding", "").strip().lower() if request is not None else ""
    if coding in ("", "identity"):
        return bytes(data)
    if coding not in ("gzip", "x-gzip"):
        detail = f"Content-Encoding: {coding[:40]!r} is not understood; send gzip or nothing"
        raise Problem(415, "unsupported_encoding", "Unsupported encoding", detail)
    return unpacked(bytes(data))


def unpacked(data: bytes) -> bytes:
    """All members of a gzip file, never more than the bound in memory; Problem 400 for what is none."""
    whole = b""
    while data:
        member = zlib.decompressobj(GZIP)
        try:
            whole += member.decompress(data, settings.MAX_BODY_BYTES + 1 - len(whole))
        except zlib.error as error:
            raise malformed(f"the body is said to be gzip and is not: {error}") from error
        if len(whole) > settings.MAX_BODY_BYTES:
            raise too_large()
        if not member.eof:
            raise malformed("the gzip body breaks off before its end")
        data = member.unused_data
    return whole


def too_large() -> Problem:
    detail = f"the body is larger than {settings.MAX_BODY_BYTES:,} bytes; send less at a time"
    return Problem(413, "too_large", "Too large", detail)


def malformed(detail: str) -> Problem:
    return Problem(400, "malformed_body", "Malformed body", detail)


def read_json(data: bytes, where: str = "body") -> Any:
    """One JSON value; Problem 400 that says where it breaks."""
    try:
        return parse(data)
    except RecordError as error:
        fields = [FieldError(problem.pointer, problem.message) for problem in error.problems[:20]]
        detail = "; ".join(f"{field.pointer or where}: {field.message}" for field in fields[:5])
        raise Problem(400, "malformed_json", "Malformed JSON", detail, fields) from error


class BoundedJSONParser(BaseParser):
    """One JSON value."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None
    ) -> Any:
        return read_json(body_of(stream, context))


class NDJSONParser(BaseParser):
    """One JSON value a line, as a list; empty lines are nothing."""

    media_type = "application/x-ndjson"

    def parse(
        self, stream: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None
    ) -> Any:
        lines = body_of(stream, context).split(b"\n")
        return [self._value(line, place) for place, line in enumerate(lines, start=1) if line.strip()]

    @staticmethod
    def _value(line: bytes, place: int) -> Any:
        try:
            return read_json(line, f"line {place}")
        except Problem as problem:
            return UnreadableLine(problem)
