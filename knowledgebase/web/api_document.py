"""The OpenAPI document as plain values: operations by resource, each schema with the resource that it belongs to.

It says what the document says and nothing else; it knows no request and no page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")
PREFIX = "/api/v1/"
REFERENCE = "#/components/schemas/"
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Shape:
    """A type in words, the name of the schema it leads to, and the resource whose page describes that."""

    words: str
    schema: str = ""
    home: str = ""


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
class Schema:
    name: str
    text: str
    parts: list[Part]
    choices: list[str]


@dataclass(frozen=True)
class Resource:
    """What hangs below one segment, with the schemas that are described on its page; "" has what all share."""

    name: str
    operations: list[Operation]
    schemas: list[Schema]

    @property
    def title(self) -> str:
        return self.name.replace("-", " ").capitalize()


@dataclass(frozen=True)
class Api:
    title: str
    version: str
    resources: Mapping[str, Resource]


@cache
def api() -> Api:
    """All of it; made once, for the document changes with the code alone."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # drf-spectacular has no types
    document: Document = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    paths, schemas = by_resource(document["paths"]), document["components"]["schemas"]
    reader = Reader(homes(paths, schemas))
    resources = {
        name: Resource(
            name,
            [reader.operation(*one) for one in paths.get(name, [])],
            [reader.schema(key, schemas[key]) for key in sorted(schemas) if reader.homes[key] == name],
        )
        for name in ("", *paths)
    }
    return Api(document["info"]["title"], document["info"]["version"], resources)


def by_resource(paths: Document) -> dict[str, list[tuple[str, str, Document]]]:
    """resource -> (path, method, what the document says of it)."""
    found: dict[str, list[tuple[str, str, Document]]] = {}
    for path, methods in sorted(paths.items()):
        mine = found.setdefault(path.removeprefix(PREFIX).partition("/")[0], [])
        mine.extend((path, method, methods[method]) for method in METHODS if method in methods)
    return found


def homes(paths: Mapping[str, list[tuple[str, str, Document]]], schemas: Document) -> dict[str, str]:
    """schema -> the resource that comes to it by the fewest steps; "" for what every one of them uses."""
    steps = {name: distances([found for _, _, found in paths[name]], schemas) for name in sorted(paths)}
    found = {}
    for key in schemas:
        users = [name for name in steps if key in steps[name]]
        shared = not users or len(users) == len(paths)
        found[key] = "" if shared else min(users, key=lambda name: steps[name][key])
    return found


def distances(operations: list[Document], schemas: Document) -> dict[str, int]:
    """schema -> how many other schemas stand between it and the operations that come to it."""
    found = dict.fromkeys(references(operations), 0)
    waiting = list(found)
    for key in waiting:
        for inner in references(schemas[key]):
            if inner not in found:
                found[inner] = found[key] + 1
                waiting.append(inner)
    return found


def references(value: object) -> Iterator[str]:
    """Names of the schemas that a part of the document points to."""
    if isinstance(value, Mapping):
        if "$ref" in value:
            yield str(value["$ref"]).removeprefix(REFERENCE)
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


@dataclass(frozen=True)
class Reader:
    """Reads parts of the document; `homes` says where each schema is described."""

    homes: Mapping[str, str]

    def operation(self, path: str, method: str, found: Document) -> Operation:
        title, _, text = found.get("description", "").partition("\n\n")
        answers = [self.answer(status, one) for status, one in sorted(found["responses"].items())]
        scopes = [scope for one in found.get("security", []) for scope in one.get("token", [])]
        parameters = [self.part(one["name"], one["in"], one) for one in found.get("parameters", [])]
        can_open = method == "get" and "{" not in path and not any(part.required for part in parameters)
        return Operation(
            name=found["operationId"],
            method=method.upper(),
            path=path,
            title=title,
            text=text,
            scope=", ".join(scopes),
            parameters=parameters,
            bodies=self.shapes(found.get("requestBody", {})),
            answers=[one for one in answers if one.status < "400"],
            refusals=[one for one in answers if one.status >= "400"],
            open_address=path if can_open else "",
        )

    def answer(self, status: str, found: Document) -> Answer:
        return Answer(status, found.get("description", ""), self.shapes(found))

    def shapes(self, found: Document) -> list[tuple[str, Shape]]:
        return [(kind, self.shape(one.get("schema", {}))) for kind, one in found.get("content", {}).items()]

    def part(self, name: str, where: str, found: Document, required: bool = False) -> Part:
        schema = found.get("schema", found)
        text = plain_text(found.get("description", "") or schema.get("description", ""))
        return Part(
            name, where, self.shape(schema), bool(found.get("required", False)) if where else required, text
        )

    def schema(self, name: str, found: Document) -> Schema:
        needed = found.get("required", [])
        parts = [self.part(key, "", one, key in needed) for key, one in found.get("properties", {}).items()]
        return Schema(
            name, plain_text(found.get("description", "")), parts, [str(one) for one in found.get("enum", [])]
        )

    def shape(self, found: Document) -> Shape:
        """`integer, 1 to 100`, `list of X`, `text or null`."""
        if "$ref" in found:
            name = found["$ref"].removeprefix(REFERENCE)
            return Shape(name, name, self.homes.get(name, ""))
        for joined in ("allOf", "oneOf", "anyOf"):
            if joined in found:
                shapes = [self.shape(one) for one in found[joined]]
                first = next((shape for shape in shapes if shape.schema), shapes[0])
                return replace(first, words=" or ".join(dict.fromkeys(shape.words for shape in shapes)))
        if found.get("type") == "array":
            inner = self.shape(found.get("items", {}))
            return replace(inner, words=f"list of {inner.words}")
        if isinstance(extra := found.get("additionalProperties"), Mapping) and "properties" not in found:
            inner = self.shape(extra)
            return replace(inner, words=f"object of {inner.words}")
        return Shape(plain_words(found))


def plain_text(text: str) -> str:
    """Without the list of choices that the generator writes below the text: the page has one of its own."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("* `")).strip()


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
