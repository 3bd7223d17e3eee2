"""The hub's one error that a caller is told about; it knows nothing of HTTP libraries.

Tree: ``Problem`` <- what services, selectors and filters raise. Everything else that escapes is a bug (500).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One wrong place in the input: ``pointer`` is a JSON pointer or a parameter's name."""

    pointer: str
    message: str


class Problem(Exception):
    """A refusal with its reason, in the shape of RFC 9457.

    status: HTTP status, 400 to 599. code: stable word for programs. title: the kind of problem, the same each time.
    detail: what was wrong this time, with the value, and what to do. fields: the wrong places, all at once.
    """

    def __init__(
        self, status: int, code: str, title: str, detail: str = "", fields: Sequence[FieldError] = ()
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail or title
        self.fields = tuple(fields)

    @property
    def sentence(self) -> str:
        """The detail as a page says it: with a capital and a full stop."""
        return f"{self.detail[0].upper()}{self.detail[1:].rstrip('.')}."

    def document(self) -> Mapping[str, object]:
        """The body of the answer (application/problem+json)."""
        body: dict[str, object] = {
            "type": f"urn:tunelore:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.fields:
            body["errors"] = [{"pointer": error.pointer, "message": error.message} for error in self.fields]
        return body


def not_found(noun: str, key: object) -> Problem:
    """Absent and not allowed to see are one answer, so that nobody learns what exists."""
    return Problem(404, "not_found", "Not found", f"there is no {noun} {str(key)[:100]!r} that you may see")


def invalid(pointer: str, message: str) -> Problem:
    """One wrong input value."""
    return Problem(422, "invalid", "Invalid input", f"{pointer}: {message}", [FieldError(pointer, message)])
