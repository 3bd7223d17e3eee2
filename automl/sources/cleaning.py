"""Takes give-away names out of collected texts and drops near-duplicates; knows no dataset."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

CODE_BLOCK = re.compile(r"```.*?```|^\s*(?:>>>|\.\.\.).*$", re.DOTALL | re.MULTILINE)
ROLE = re.compile(r":[a-z:]+:`~?[^`]*`|`+[^`]*`+|\[`[^`]*`\](?:\([^)]*\))?|<[^<>\n]{1,200}>|https?://\S+")
IDENTIFIER = re.compile(
    r"\b\w*(?:_\w+)+\b|\b\w+(?:\.\w+)+\b|\b[a-z]+[A-Z]\w*\b|\b(?:[A-Z][a-z0-9]+){2,}\b|\b\w+\(\)"
)
FIELD = re.compile(r"^\s*(?:[:@.]|Args?:|Parameters|Returns?:|Raises:|-{3,}|={3,}).*$", re.MULTILINE)
LEFTOVERS = re.compile(r"\[[^\w]*\]|\([^\w]*\)|\"\s*\"|'\s*'|(?<=\s)[^\w\s]{1,3}(?=\s|$)")
BLANKS = re.compile(r"\s+")
WORD = re.compile(r"[^\W\d_]+")
SHINGLE = 3  # words
SKETCH = 4  # smallest hashes of a text's shingles: equal sketches are near-duplicates


def prose(text: str, limit: int) -> str:
    """The first `limit` characters of running text: no code, no identifiers, no markup, single blanks."""
    text = FIELD.split(CODE_BLOCK.sub(" ", text), maxsplit=1)[0]
    text = IDENTIFIER.sub(" ", ROLE.sub(" ", text))
    return squeeze(LEFTOVERS.sub(" ", text))[:limit].strip()


def squeeze(text: str) -> str:
    """Runs of white space as one blank, none at the ends."""
    return BLANKS.sub(" ", text).strip()


def without_words(text: str, words: Iterable[str]) -> str:
    """`text` without the given words, whatever their case."""
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return squeeze(re.sub(rf"\b(?:{pattern})\b", " ", text, flags=re.IGNORECASE))


class NearDuplicates:
    """Remembers texts and says whether a new one is a near-duplicate: same words at the start or the end, or sketch.

    Digits, case and punctuation do not count, so "axis 0 of the input" and "Axis 1 of the input." are one text.
    """

    def __init__(self, edge_words: int = 8) -> None:
        self._edge = edge_words
        self._seen: set[tuple[str, ...]] = set()

    def is_new(self, text: str) -> bool:
        """True for the first text of its kind, which is remembered."""
        keys = self._keys([word.lower() for word in WORD.findall(text)])
        known = any(key in self._seen for key in keys)
        self._seen.update(keys)
        return not known

    def _keys(self, words: list[str]) -> list[tuple[str, ...]]:
        if len(words) <= self._edge:
            return [("whole", *words)]
        shingles = {" ".join(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1)}
        sketch = sorted(hashlib.blake2b(each.encode(), digest_size=8).hexdigest() for each in shingles)[
            :SKETCH
        ]
        return [("start", *words[: self._edge]), ("end", *words[-self._edge :]), ("sketch", *sketch)]
