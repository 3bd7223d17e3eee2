"""Finds a file or folder that a user named, inside the folders which the operator allows; opens nothing."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from automl.errors import SourceError


def confined(name: str, roots: Sequence[str], *, field: str) -> Path:
    """The existing path `name` below one of `roots`; relative names are tried in each root in turn.

    Neither `..` nor a symbolic link on the way from the root to the target is followed, so what the operator
    allowed stays what is read. Raises SourceError (codes path_refused, path_unknown) naming `field`.
    """
    _check_spelling(name, field)
    if not roots:
        raise SourceError(
            message=f"{name!r} cannot be read: no folder is allowed for {field}; the operator sets "
            "TUNELORE_MODEL_ROOTS (language models) or TUNELORE_DATA_ROOTS (datasets)",
            code="path_refused",
            field=field,
        )
    for root in roots:
        found = _below(Path(root).resolve(), Path(name), field)
        if found is not None:
            return found
    raise SourceError(
        message=f"no {name!r} below the allowed folders; check the spelling", code="path_unknown", field=field
    )


def _check_spelling(name: str, field: str) -> None:
    if not name or "\0" in name or len(name) > 1000:
        raise SourceError(message=f"{name[:60]!r} is not a usable path", code="path_refused", field=field)
    if ".." in Path(name).parts or ".." in name.replace("\\", "/").split("/"):
        raise SourceError(
            message=f"{name!r} leaves the allowed folders ('..')", code="path_refused", field=field
        )


def _below(root: Path, name: Path, field: str) -> Path | None:
    if name.is_absolute():
        if not name.is_relative_to(root):
            return None
        name = name.relative_to(root)
    current = root
    for part in name.parts:
        current = current / part
        try:
            mode = current.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISLNK(mode):
            raise SourceError(
                message=f"{str(name)!r} is or passes a symbolic link; links are not followed",
                code="path_refused",
                field=field,
            )
    return current if current != root else None
