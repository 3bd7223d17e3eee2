"""The API to read through: every operation of the OpenAPI document as a page of our own, without a script.

It shows what the document says and nothing else; the document is made from the views.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")
PREFIX = "/api/v1/"
REFERENCE = "#/components/schemas/"
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Shape:
    """A type in words, and the name of the schema it leads to, if any."""

    words: str
    schema: str = ""


@dataclass(frozen=True)
class Part:
    """A parameter or a property. `where`: query, path, header or "" for a property."""

    name: str
    where: str
    shape: Shape
    required: bool
    text: str


@dataclass(frozen=True)
class Answer:
    status: str
    text: str
    shapes: list[tuple[str, Shape]]


@dataclass(frozen=True)
class Operation:
    """One method of one address. `scope`: what a token needs for it. `open_address`: where a browser can look."""

    name: str
    method: str
    path: str
    title: str
    text: str
    scope: str
    parameters: list[Part]
    bodies: list[tuple[str, Shape]]
    answers: list[Answer]
    refusals: list[Answer]
    open_address: str


@dataclass(frozen=True)
class Group:
    name: str
    operations: list[Operation]


@dataclass(frozen=True)
class Schema:
    name: str
    text: str
    parts: list[Part]
    choices: list[str]


@dataclass(frozen=True)
class ApiPage:
    title: str
    version: str
    groups: list[Group]
    schemas: list[Schema]


@require_GET
@login_required
def api_docs(request: HttpRequest) -> HttpResponse:
    """Every operation by resource, then every schema."""
    return render(request, "web/api_docs.html", {"page": api_page()})


@cache
def api_page() -> ApiPage:
    """The page's values; made once, for the document changes with the code alone."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # drf-spectacular has no types
    document: Document = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    groups: dict[str, list[Operation]] = {}
    for path, methods in sorted(document["paths"].items()):
        resource = path.removeprefix(PREFIX).partition("/")[0]
        groups.setdefault(resource, []).extend(
            operation_of(path, method, methods[method]) for method in METHODS if method in methods
        )
    schemas = document["components"]["schemas"]
    return ApiPage(
        document["info"]["title"],
        document["info"]["version"],
        [Group(name, operations) for name, operations in groups.items()],
        [schema_of(name, schemas[name]) for name in sorted(schemas)],
    )


def operation_of(path: str, method: str, found: Document) -> Operation:
    title, _, text = found.get("description", "").partition("\n\n")
    answers = [answer_of(status, one) for status, one in sorted(found["responses"].items())]
    scopes = [scope for one in found.get("security", []) for scope in one.get("token", [])]
    parameters = [part_of(one["name"], one["in"], one) for one in found.get("parameters", [])]
    can_open = method == "get" and "{" not in path and not any(part.required for part in parameters)
    return Operation(
        name=found["operationId"],
        method=method.upper(),
        path=path,
        title=title,
        text=text,
        scope=", ".join(scopes),
        parameters=parameters,
        bodies=shapes_of(found.get("requestBody", {})),
        answers=[one for one in answers if one.status < "400"],
        refusals=[one for one in answers if one.status >= "400"],
        open_address=path if can_open else "",
    )


def answer_of(status: str, found: Document) -> Answer:
    return Answer(status, found.get("description", ""), shapes_of(found))


def shapes_of(found: Document) -> list[tuple[str, Shape]]:
    return [(kind, shape_of(one.get("schema", {}))) for kind, one in found.get("content", {}).items()]


def part_of(name: str, where: str, found: Document, required: bool = False) -> Part:
    schema = found.get("schema", found)
    text = found.get("description", "") or schema.get("description", "")
    return Part(
        name, where, shape_of(schema), bool(found.get("required", False)) if where else required, text
    )


def schema_of(name: str, found: Document) -> Schema:
    needed = found.get("required", [])
    parts = [part_of(key, "", one, key in needed) for key, one in found.get("properties", {}).items()]
    return Schema(name, found.get("description", ""), parts, [str(one) for one in found.get("enum", [])])


def shape_of(found: Document) -> Shape:
    """`integer, 1 to 100`, `list of X`, `text or null`."""
    if "$ref" in found:
        name = found["$ref"].removeprefix(REFERENCE)
        return Shape(name, name)
    for joined in ("allOf", "oneOf", "anyOf"):
        if joined in found:
            shapes = [shape_of(one) for one in found[joined]]
            first = next((shape.schema for shape in shapes if shape.schema), "")
            return Shape(" or ".join(dict.fromkeys(shape.words for shape in shapes)), first)
    if found.get("type") == "array":
        inner = shape_of(found.get("items", {}))
        return Shape(f"list of {inner.words}", inner.schema)
    if isinstance(extra := found.get("additionalProperties"), Mapping) and "properties" not in found:
        inner = shape_of(extra)
        return Shape(f"object of {inner.words}", inner.schema)
    return Shape(plain_words(found))


def plain_words(found: Document) -> str:
    kinds = found.get("type", "any")
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if "enum" in found:
        words = " or ".join(str(one) for one in found["enum"])
    if found.get("format"):
        words += f" ({found['format']})"
    low, high = found.get("minimum"), found.get("maximum")
    if low is not None and high is not None:
        words += f", {low:,} to {high:,}"
    elif low is not None:
        words += f", {low:,} or more"
    if found.get("maxLength"):
        words += f", at most {found['maxLength']} characters"
    return words
