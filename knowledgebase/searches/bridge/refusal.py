"""The bridge's one error: something a user asked for cannot be had. It knows no HTTP."""

from __future__ import annotations

from automl.errors import AutomlError, SourceError, SpaceError


class Refused(Exception):
    """code: stable word for programs; field: the part of the request at fault, or ''; detail: what to do."""

    def __init__(self, code: str, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field


def refused(error: AutomlError) -> Refused:
    """The library's errors in the words of this app."""
    if isinstance(error, SourceError):
        return Refused(error.code, error.message, error.field or "")
    if isinstance(error, SpaceError):
        return Refused("space", error.message, error.field or "")
    return Refused("automl", str(error))
