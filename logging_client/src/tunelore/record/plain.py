"""A quick look at a JSON value: whether there is nothing odd in it, so that nobody has to look closely.

A "no" says only that somebody must look closely; what is wrong, and whether anything is, it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

MAX_DEPTH = 512
LARGEST = 1e300  # beyond it a whole number may be more than a double holds
# The most that the canonical form takes: a character (\u001f), a number (-0.0000012345678901234567).
CHARACTER_BYTES, NUMBER_BYTES = 6, 25


class Plain(NamedTuple):
    """What the walk counted: keys of all objects, and the bytes that the canonical form takes at most."""

    keys: int
    most_bytes: int
    has_nul: bool


def plain(value: Any) -> Plain | None:
    """For dictionaries and lists of exactly JSON's types, at most 512 levels deep, with numbers that are finite and
    texts that are Unicode; None for everything else. Goes level by level, so that no nesting can exhaust the stack.
    """
    texts: list[str] = []
    level: list[Any] = [value]
    keys = members = depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            return None
        deeper: list[Any] = []
        for item in level:
            if type(item) is dict:
                keys += len(item)
                texts += item
            elif type(item) is not list:
                return None
            members += len(item) + 1
            if not _take(item if type(item) is list else item.values(), texts, deeper):
                return None
        level = deeper
    return _counted(texts, keys, members)


def _take(members: Iterable[Any], texts: list[str], deeper: list[Any]) -> bool:
    """Adds the texts and what has levels below it; False where a member is nothing plain."""
    for member in members:
        kind = type(member)
        if kind is str:
            texts.append(member)
        elif kind is float or kind is int:
            if not -LARGEST < member < LARGEST:
                return False
        elif kind is dict or kind is list:
            deeper.append(member)
        elif member is not None and kind is not bool:
            return False
    return True


def _counted(texts: list[str], keys: int, members: int) -> Plain | None:
    try:
        whole = "".join(texts)
    except TypeError:
        return None  # a key that is no text
    if not whole.isascii():
        try:
            whole.encode("utf-8")
        except UnicodeEncodeError:
            return None
    # Two marks around a text, two beside a member, two around a container.
    most = CHARACTER_BYTES * len(whole) + 2 * len(texts) + (NUMBER_BYTES + 4) * members
    return Plain(keys, most, "\0" in whole)
