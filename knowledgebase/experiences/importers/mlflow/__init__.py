"""Runs of MLflow: the folders of its file store (mlruns) and its SQLite database. Both give the same records.

The id comes from MLflow's run id. A run that MLflow still calls running is told as unfinished: what it will have
become is another content under the same id. One that was deleted there is refused.
"""

from collections.abc import Iterator

from knowledgebase.experiences.importers.items import Item, Source
from knowledgebase.experiences.importers.mlflow import database, files
from knowledgebase.experiences.importers.recognise import DATABASES

__all__ = ["read"]


def read(source: Source) -> Iterator[Item]:
    """The run of one meta.yaml, or every run of a database."""
    if source.paths[0].name.lower().endswith(DATABASES):
        yield from database.read(source)
    else:
        yield files.read(source)
