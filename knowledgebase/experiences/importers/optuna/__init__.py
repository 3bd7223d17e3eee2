"""Trials of Optuna: its SQLite database and its journal file.

The id comes from the study's name, the trial's number, its start and its parameters. A trial that Optuna still calls
running or waiting is told as unfinished: what it will have become is another content under the same id.
"""

from collections.abc import Iterator

from knowledgebase.experiences.importers.items import Item, Source
from knowledgebase.experiences.importers.optuna import database, journal
from knowledgebase.experiences.importers.recognise import DATABASES

__all__ = ["read"]


def read(source: Source) -> Iterator[Item]:
    """Every trial of one storage, study by study."""
    is_database = source.paths[0].name.lower().endswith(DATABASES)
    yield from (database if is_database else journal).read(source)
