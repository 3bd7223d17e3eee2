"""The identity of training rows, so that one data set is known again wherever it is met. Keeps no text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def rows_fingerprint(rows: Iterable[tuple[str, str]]) -> str:
    """Fingerprint "rows-sha256:..." of the uncut training rows (text, label), in any order.

    SHA-256 over the sorted raw SHA-256 digests of the canonical JSON [text, label] of every row; several text
    columns are joined by a line feed before, the label is text.
    """
    return f"rows-sha256:{_combined(_compact([text, label]) for text, label in rows)}"


def tokens_fingerprint(rows: Iterable[tuple[Sequence[int], object]]) -> str:
    """Fingerprint "tokens-sha256:..." of rows (input ids, label), where only tokens are to be had.

    The label as text.
    """
    lines = (_compact([[int(token) for token in ids], str(label)]) for ids, label in rows)
    return f"tokens-sha256:{_combined(lines)}"


def _combined(lines: Iterable[str]) -> str:
    digests = sorted(hashlib.sha256(line.encode("utf-8", "surrogatepass")).digest() for line in lines)
    total = hashlib.sha256()
    for digest in digests:
        total.update(digest)
    return total.hexdigest()
