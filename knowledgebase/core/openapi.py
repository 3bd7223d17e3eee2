"""What the OpenAPI document says of every operation alike: how it refuses. It knows no operation by name."""

from __future__ import annotations

from typing import Any

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
METHODS = {"get", "post", "put", "patch", "delete"}


def add_problems(result: dict[str, Any], **_generator: Any) -> dict[str, Any]:
    """Postprocessing hook: every operation may answer with problem details instead."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result["paths"].values():
        for method in METHODS & set(operations):
            answer = {"description": "Refused, with the reason.", "content": content}
            operations[method]["responses"].setdefault("default", answer)
    return result
