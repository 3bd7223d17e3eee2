"""Names that nobody reads are refused, in addresses and in bodies: a misspelt bound is not as good as none.

A view names its query parameters by method: ``parameters = {"GET": ("metric",)}``; pages of lists have two more. It
knows no view.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from rest_framework import serializers
from rest_framework.metadata import SimpleMetadata
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from knowledgebase.core.errors import FieldError, Problem

if TYPE_CHECKING:
    from rest_framework.views import APIView

PAGING = ("cursor", "limit")
SHOWN = 80


class KnownParameters(BasePermission):
    """Not a right, but asked at the same moment: after who it is, before anything is read or written."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method in view.allowed_methods and method != "OPTIONS":
            require_known(request, accepted(view, method))
        return True


def accepted(view: APIView | type[APIView], method: str) -> tuple[str, ...]:
    """The query parameters of a method of a view, in alphabetical order."""
    own = getattr(view, "parameters", {}).get(method, ())
    paging = PAGING if method == "GET" and getattr(view, "pagination_class", None) else ()
    return tuple(sorted({*own, *paging}))


def require_known(request: Request, known: Collection[str]) -> None:
    """Problem 400 for a parameter that nobody reads, and for one of which only the last value would be read."""
    for name, values in request.query_params.lists():
        if name not in known:
            choice = f"this address takes {', '.join(known)}" if known else "this address takes none"
            detail = f"parameter {name[:SHOWN]!r} does not exist; {choice}"
            raise Problem(400, "unknown_parameter", "Unknown parameter", detail, [FieldError(name, detail)])
        if len(values) > 1:
            detail = f"{name} is given {len(values)} times and read once; put all of it into one"
            raise Problem(400, "repeated_parameter", "Repeated parameter", detail, [FieldError(name, detail)])


class Options(SimpleMetadata):
    """OPTIONS: what an address is and which bodies it reads. What stands in them is the document's to say.

    REST framework would describe the body of a POST by the answer to a GET.
    """

    def determine_actions(self, request: Request, view: APIView) -> dict[str, Any]:
        return {}


class Strict(serializers.Serializer[Any]):
    """A body of which every member is read: an unknown one is named as wrong, with those that there are.

    What is wrong with a known one is said with the value that was given, or the values to choose from.
    """

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for field in fields.values():
            for one in (field, getattr(field, "child", None)):
                if isinstance(one, serializers.ChoiceField):
                    choices = ", ".join(map(str, one.choices))
                    one.error_messages["invalid_choice"] = (
                        f"{{input!r}} is none of them; choose from {choices}"
                    )
        return fields

    def run_validation(self, data: Any = serializers.empty) -> Any:
        try:
            return super().run_validation(data)
        except serializers.ValidationError as error:
            if self.parent is not None:
                raise
            raise serializers.ValidationError(with_values(error.detail, data)) from error

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(map(str, data)) - set(self.fields))):
            known = f"is unknown; known: {', '.join(self.fields)}"
            raise serializers.ValidationError(
                {name[:SHOWN]: [known] for name in unknown[:20]}, code="unknown"
            )
        return super().to_internal_value(data)


# What is wrong with these, the value does not tell.
SAYS_ITSELF = frozenset({"required", "null", "unknown", "invalid_choice", "not_a_list", "not_a_dict"})


def with_values(detail: Any, given: Any) -> Any:
    """REST framework's nested errors, each with the value that it is about, where the message does not tell it."""
    if isinstance(detail, Mapping):
        return {name: with_values(value, _part(given, name)) for name, value in detail.items()}
    if isinstance(detail, list):
        return [with_values(one, given) for one in detail]
    if given is serializers.empty or getattr(detail, "code", "") in SAYS_ITSELF or isinstance(given, Mapping):
        return detail
    return f"{str(detail).rstrip('.')}; given is {repr(given)[:SHOWN]}"


def _part(given: Any, name: Any) -> Any:
    if isinstance(given, Mapping):
        return given.get(name, serializers.empty)
    if isinstance(given, list) and isinstance(name, int) and name < len(given):
        return given[name]
    return given
