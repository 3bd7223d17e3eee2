"""What a search optimises, in words and figures for its page.

It knows reports and formats; it draws no chart and reads no row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from knowledgebase.core import formats
from knowledgebase.searches import selectors

WORDS: Mapping[str, str] = {
    "score": "score",
    "seconds": "time",
    "memory_bytes": "memory",
    "trainable_parameters": "trainable parameters",
    "energy_j": "energy",
}
FIGURES: Mapping[str, Callable[[Any], str]] = {
    "score": formats.score,
    "seconds": formats.seconds,
    "memory_bytes": formats.size,
    "trainable_parameters": formats.parameters,
    "energy_j": formats.energy,
}
PLAIN = frozenset(selectors.USUAL_OBJECTIVES)
"""What the chart of score against time shows."""


@dataclass(frozen=True)
class FrontTable:
    """The front of a search in figures: a head for each objective, and each point with its own."""

    heads: tuple[str, ...]
    rows: tuple[tuple[selectors.FrontPoint, tuple[str, ...]], ...]


def is_drawn(objectives: Sequence[str]) -> bool:
    """Whether score against time says something of the front: both count, or nothing beside them."""
    return set(objectives) >= PLAIN or set(objectives) <= PLAIN


def front_table(report: selectors.SearchReport) -> FrontTable | None:
    """For what the chart does not show: objectives beside score and time; None without them or a front."""
    names = report.search.objectives
    if set(names) <= PLAIN or not report.front:
        return None
    rows = tuple(
        (point, tuple(FIGURES[name](getattr(point, name)) for name in names)) for point in report.front
    )
    return FrontTable(tuple(WORDS[name].capitalize() for name in names), rows)


def best_words(report: selectors.SearchReport) -> tuple[str, str]:
    """What the best trial is best in, and how good it is; a dash before there is one."""
    names = report.search.objectives
    first = "score" if "score" in names or not names else names[0]
    words = report.search.dataset.score_name if first == "score" else WORDS[first]
    return words, FIGURES[first](getattr(report.best, first) if report.best else None)


def at_once(objectives: Sequence[str]) -> str:
    """The objectives as a sentence has them: score, time and memory at once."""
    *most, last = [WORDS[name] for name in objectives] or ["score"]
    return f"{', '.join(most)} and {last} at once" if most else last
