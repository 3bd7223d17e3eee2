"""What makes labelled texts a poor or an unfair problem: repeats, contradictions, labels that stand in the text.

It knows no files and refuses nothing: each finding is a sentence for the owner of the rows. Start from `findings`.
"""

from __future__ import annotations

import re
from collections import defaultdict

from automl.sources.rows import Rows

SHORTEST_LABEL = 3
# Own label in at least half of the texts, and at least three times as often as another row's label.
LEAK_SHARE = 0.5
LEAK_LIFT = 3.0
SHOWN = 3
_WORDS = re.compile(r"\W+")


def findings(rows: Rows) -> list[str]:
    """Sentences about the rows, worst first; [] when nothing stands out."""
    found = [_leak(rows), _contradictions(rows), _repeats(rows)]
    return [sentence for sentence in found if sentence]


def leak_share(rows: Rows) -> tuple[float, float]:
    """Shares in [0, 1] of texts that hold their own label as a word, and that hold another row's label.

    The other label is the one half the rows further on: a label that is a common word ("news") is in both.
    Labels under 3 characters count as absent, unless they are the whole text.
    """
    if not len(rows):
        return 0.0, 0.0
    texts = [_plain(text) for text in rows.texts]
    labels = [_plain(label) for label in rows.labels]
    half = len(rows) // 2
    own = sum(_holds(text, label) for text, label in zip(texts, labels, strict=True))
    others = labels[half:] + labels[:half]
    pairs = [(t, o) for t, o, mine in zip(texts, others, labels, strict=True) if o != mine]
    foreign = sum(_holds(text, other) for text, other in pairs)
    return own / len(rows), foreign / len(pairs) if pairs else 0.0


def _leak(rows: Rows) -> str:
    own, foreign = leak_share(rows)
    if own < LEAK_SHARE or own < LEAK_LIFT * foreign:
        return ""
    return (
        f"the label stands in the text: {own:.0%} of the texts hold their own label as a word, {foreign:.0%} "
        "that of another row; a score would say little about new texts. Is it the right text column?"
    )


def _contradictions(rows: Rows) -> str:
    labels: dict[str, set[str]] = defaultdict(set)
    for text, label in rows:
        labels[_plain(text)].add(label)
    torn = [text for text, found in labels.items() if text.strip() and len(found) > 1]
    if not torn:
        return ""
    shown = ", ".join(repr(text.strip()[:40]) for text in torn[:SHOWN])
    return f"{len(torn)} texts stand under two or more labels: {shown}; no classifier gets them all right"


def _repeats(rows: Rows) -> str:
    filled = [(_plain(text), label) for text, label in rows if text.strip()]
    again = len(filled) - len(set(filled))
    if not again:
        return ""
    return f"{again} of {len(rows)} rows repeat another row (case and punctuation aside)"


def _plain(text: str) -> str:
    """Lower case, words separated by single blanks, a blank at both ends."""
    return f" {_WORDS.sub(' ', text.casefold()).strip()} "


def _holds(text: str, label: str) -> bool:
    return text == label if len(label) - 2 < SHORTEST_LABEL else label in text
