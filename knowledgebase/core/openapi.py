"""What the OpenAPI document says of every operation alike: how it refuses. It knows no operation by name."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance

from knowledgebase.core.parameters import Strict

PROBLEM = {
    "type": "object",
    "description": "A refusal with its reason (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string", "description": "the kind of problem, the same each time"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "description": "a stable word for programs"},
        "detail": {"type": "string", "description": "what was wrong this time, and what to do"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "message"],
                "properties": {"pointer": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
REFUSALS = {
    400: "The address or the body is not well formed; `code` says what.",
    401: "No token, or one that is not valid.",
    403: "The token lacks the scope, or what is asked belongs to somebody else.",
    404: "There is nothing here that the caller may see.",
    406: "The Accept header asks for something else than is offered.",
    409: "It contradicts what is there.",
    410: "It was deleted and stays so.",
    413: "Too large, or too many at once.",
    415: "The body is of another type than is read here.",
    422: "Well formed, and cannot be: a value out of its range, or a query that takes too long.",
    429: "Too many requests; Retry-After says in how many seconds to come back.",
}
WAIT = {"Retry-After": {"schema": {"type": "integer", "minimum": 0}, "description": "seconds"}}
EVERYWHERE = frozenset({400, 401, 403, 406, 422, 429})
WITH_BODY = frozenset({413, 415})


class ApiSchema(AutoSchema):
    """Names each refusal that an operation may answer with; a view adds its own: `refusals = {"POST": (409,)}`."""

    def get_operation(self, path: str, *rest: Any, **more: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(path, *rest, **more)
        if operation is None:
            return None
        found = set(EVERYWHERE) | set(getattr(self.view, "refusals", {}).get(self.method, ()))
        found |= WITH_BODY if "requestBody" in operation else set()
        found |= {404} if "{" in path else set()
        for status in sorted(found):
            operation["responses"].setdefault(str(status), refusal(status))
        scope = getattr(self.view, "scopes", {}).get(self.method)
        if scope is not None:
            operation["security"] = [
                {**one, "token": [scope]} if "token" in one else one for one in operation["security"]
            ]
        # Pages of a list always have an ETag, other answers where their view says so.
        has_tag = getattr(self.view, "answers_304", False) or self._is_list_view()
        if has_tag and self.method == "GET":
            operation["responses"]["304"] = {"description": "What If-None-Match names is still true."}
        return operation

    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        found: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        made = force_instance(serializer)  # type: ignore[no-untyped-call]
        return {**found, "additionalProperties": False} if isinstance(made, Strict) else found


def refusal(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answer: dict[str, Any] = {"description": REFUSALS[status], "content": content}
    return {**answer, "headers": WAIT} if status == 429 else answer


def add_problems(result: dict[str, Any], **_generator: Any) -> dict[str, Any]:
    """Postprocessing hook: the shape that every refusal has."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    return result
