"""JSON and YAML of other tools into plain values: bounded, and nothing in them is executed. It knows no format."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from knowledgebase.experiences.importers.items import Unreadable

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_YAML_BYTES = 256 * 1024  # its parser is slow; cards and descriptions of runs are small
MAX_DEPTH = 60
MAX_DIGITS = 309  # more than the largest double has
LFS_POINTER = b"version https://git-lfs"


class _OutOfRange(float):
    """A number beyond a double, until its key is known."""

    text = ""


def read_bytes(path: Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """A whole file; Unreadable for what is too large, a link, or stands for another file."""
    if path.is_symlink():
        raise Unreadable("is a link; links are not followed")
    try:
        size = path.stat().st_size
        if size > limit:
            raise Unreadable(f"has {size:,} bytes, at most {limit:,} are read")
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or type(error).__name__}") from error
    if data.startswith(LFS_POINTER):
        raise Unreadable("looks like a Git LFS pointer, not the file itself; fetch it (git lfs pull)")
    return data


def json_value(data: bytes) -> Any:
    """The value of a JSON text as Python's json module writes it: NaN, Infinity and -Infinity are floats.

    Unreadable for anything else that is not JSON, numbers beyond a double (with their key), duplicate keys and
    nesting deeper than 60 levels.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}") from error
    try:
        value = json.loads(text, parse_float=_float, parse_int=_integer, object_pairs_hook=_object)
    except RecursionError:
        raise Unreadable(f"nested too deeply, at most {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"not complete JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from None
    _check(value)
    return value


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        value = _OutOfRange(value)
        value.text = text
    return value


def _integer(text: str) -> int | float:
    if len(text) > MAX_DIGITS:
        value = _OutOfRange("inf")
        value.text = f"an integer of {len(text)} digits"
        return value
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Unreadable(f"duplicate key {twice[:80]!r}")
    for key, value in pairs:
        if isinstance(value, _OutOfRange):
            raise Unreadable(f"number out of range in {key[:80]}: {value.text[:40]}")
    return members


def _check(value: Any) -> None:
    """Iterative: no nesting can exhaust the stack, here or in what walks the value later."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, _OutOfRange):
            raise Unreadable(f"number out of range: {item.text[:40]}")
        if isinstance(item, dict | list):
            if depth > MAX_DEPTH:
                raise Unreadable(f"nested too deeply, at most {MAX_DEPTH} levels")
            waiting.extend((one, depth + 1) for one in (item.values() if isinstance(item, dict) else item))


class _Loader(yaml.SafeLoader):
    """Plain values only. Without aliases, so that no text grows when it is read; times stay text."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise Unreadable("YAML aliases are not read")
        if self.depth > MAX_DEPTH:
            raise Unreadable(f"nested too deeply, at most {MAX_DEPTH} levels")
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(map(str, keys))) != len(keys):
            raise Unreadable("duplicate key in YAML")
        return super().construct_mapping(node, deep=deep)

    depth = 0


_Loader.yaml_implicit_resolvers = {
    mark: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for mark, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def yaml_value(data: bytes) -> Any:
    """The value of a YAML text; Unreadable for unsafe or unknown tags, aliases, bombs and what is not YAML."""
    if len(data) > MAX_YAML_BYTES:
        raise Unreadable(f"has {len(data):,} bytes of YAML, at most {MAX_YAML_BYTES:,} are read")
    try:
        value = yaml.load(data.decode("utf-8-sig"), Loader=_Loader)  # noqa: S506 - a safe loader, made stricter
    except yaml.constructor.ConstructorError as error:
        raise Unreadable(f"unsafe or unknown YAML tag: {error.problem}; nothing is executed") from error
    except (yaml.YAMLError, ValueError, OverflowError, TypeError, RecursionError) as error:
        problem = getattr(error, "problem", None) or type(error).__name__
        raise Unreadable(f"not YAML: {problem}") from error
    _check(value)
    return value
