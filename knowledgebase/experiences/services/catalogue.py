"""Facts about language models that ship with the hub, for records that name one and say little of it.

What a record says always wins; the catalogue fills the gaps, and each feature keeps the name of its source. It knows
no row. The file `starter/language_models.csv` holds dimensions from published configurations and what confirms them.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from knowledgebase.experiences.models.description import RECORD

FILE = Path(__file__).resolve().parent.parent / "starter" / "language_models.csv"
NUMBERS = (
    "layers", "decoder_layers", "hidden_size", "intermediate_size", "heads", "kv_heads", "vocabulary", "context",
    "experts", "parameters",
)  # fmt: skip
TEXTS = ("family", "kind", "architecture", "pretraining_objective", "languages", "licence")
# Whose names are names of the HF Hub. A folder may be called anything.
NAMED_SOURCES = frozenset({"hub", "package", "unknown"})
Features = Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """What is known of one language model, and where from."""

    name: str
    features: Features
    source: str


def entry_for(source: str, name: str, variant: str) -> Entry | None:
    """By its HF Hub name, old or new, whatever the case. None for a variant: it is another network."""
    if variant or source not in NAMED_SOURCES:
        return None
    return entries().get(name.lower())


def completed(said: Features, entry: Entry | None) -> tuple[dict[str, Any], dict[str, str]]:
    """The features that a record gives, with the gaps filled; and the source of each."""
    known = {name: value for name, value in said.items() if value is not None}
    sources = dict.fromkeys(known, RECORD)
    if entry is not None:
        for name, value in entry.features.items():
            if name not in known:
                known[name], sources[name] = value, f"catalogue: {entry.source}"
    return known, sources


@cache
def entries() -> Mapping[str, Entry]:
    """Every entry under each of its names, in lower case."""
    with FILE.open(encoding="utf-8", newline="") as file:
        found = [(row["alias"], _entry(row)) for row in csv.DictReader(file)]
    # A name of today goes before an old one.
    old = {alias.lower(): entry for alias, entry in found if alias}
    return {**old, **{entry.name.lower(): entry for _, entry in found}}


def _entry(row: Mapping[str, str]) -> Entry:
    features: dict[str, Any] = {name: int(row[name]) for name in NUMBERS if row[name]}
    features |= {name: row[name] for name in TEXTS if row[name]}
    features["instruct"] = row["instruct"] == "1"
    return Entry(row["name"], features, row["source"])
