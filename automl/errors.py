"""The errors of the library, one tree, each with what was wrong, the value and what to do.

Knows nothing of what raises them.

    AutomlError
    |- SpaceError            a space that contradicts itself, or a pipeline outside of one
    |- EvidenceError         evidence, an outcome or a prior that cannot be used
    |- EstimatorError        an unknown estimator, or a snapshot or records that it cannot use
    |- SamplerError          an unknown sampler, or options that it does not take
    `- SourceError           a language model or dataset that cannot be had
"""

from __future__ import annotations


class AutomlError(Exception):
    """Root of everything this library raises on purpose."""


class SpaceError(AutomlError, ValueError):
    """A malformed space, or a pipeline outside of it; `field` names the part (dotted) when known."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class EvidenceError(AutomlError, ValueError):
    """Evidence, an outcome, a task description or a stored prior has a value that cannot be used."""


class EstimatorError(AutomlError, ValueError):
    """An estimator is unknown, was given nothing to learn from, or its snapshot cannot be used."""


class SamplerError(AutomlError, ValueError):
    """A sampler is unknown or got options that it does not take."""


class SourceError(AutomlError):
    """A language model or a dataset cannot be had.

    `code` is stable and machine-readable (for example "unknown_language_model"); `field` names the part of
    the request at fault, when there is one; `message` says what to do.
    """

    def __init__(self, code: str, field: str | None, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.message = message
