"""Formats that TuneLore reads, and three that it writes: one module a format, found in one table here.

A reader is a generator of `Found` records and `Refused` entries from a `Source`. Readers open files for reading only,
know no store and no Django, take what they can name, keep the rest under ``extra`` and invent nothing. Start with
`plan` and `read`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from knowledgebase.experiences.importers import hf_trainer, jsonl, mlflow, optuna, parquet, peft, xautolm
from knowledgebase.experiences.importers.items import Found, Item, Refused, Source, Unreadable
from knowledgebase.experiences.importers.recognise import FORMATS
from knowledgebase.experiences.importers.scan import plan

READERS: Mapping[str, Callable[[Source], Iterator[Item]]] = {
    "jsonl": jsonl.read,
    "parquet": parquet.read,
    "xautolm": xautolm.read,
    "hf-trainer": hf_trainer.read,
    "peft": peft.read,
    "mlflow": mlflow.read,
    "optuna": optuna.read,
}

__all__ = ["FORMATS", "READERS", "Found", "Item", "Refused", "Source", "Unreadable", "plan", "read"]


def read(source: Source | Refused) -> Iterator[Item]:
    """What a source holds, in order, by the reader of its format; what was refused before stays so."""
    if isinstance(source, Refused):
        yield source
    else:
        yield from READERS[source.format](source)
