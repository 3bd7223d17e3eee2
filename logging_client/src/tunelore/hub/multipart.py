"""A form with files as bytes (RFC 7578). Knows no hub."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def multipart(fields: Mapping[str, Any], files: Mapping[str, Path]) -> tuple[bytes, str]:
    """The body and its Content-Type. A list gives its field once for each value."""
    boundary = f"tunelore-{uuid.uuid4().hex}"
    parts: list[bytes] = []
    for name, value in fields.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            parts.append(_part(boundary, f'form-data; name="{name}"', str(one).encode()))
    for name, path in files.items():
        # A quotation mark or a line end in the name would end the header it stands in.
        shown = "".join(letter for letter in path.name if letter not in '"\\\r\n')
        disposition = f'form-data; name="{name}"; filename="{shown}"'
        parts.append(
            _part(boundary, disposition, path.read_bytes(), "Content-Type: application/octet-stream\r\n")
        )
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


def _part(boundary: str, disposition: str, data: bytes, more: str = "") -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n{more}\r\n"
    return head.encode() + data + b"\r\n"
