"""Task: a learning problem, identified by its data and label, never by measured features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models

from knowledgebase.experiences.models.description import TaskWords


class Task(models.Model):
    """Kind + label column + dataset: no more than whoever has a record of it knows by that.

    What it is called and what was measured on it are TaskDescriptions, each for an audience; `words` is what was put
    together of them for one reader (`selectors.describe_tasks`), and empty until then.
    """

    digest = models.CharField(
        max_length=80, unique=True, help_text="of the identity: kind, label column, dataset"
    )
    kind = models.CharField(max_length=64)
    comparable = models.BooleanField(
        default=True, help_text="false: the run's own task, compared with nothing"
    )
    label_column = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    words: TaskWords = TaskWords()

    class Meta:
        indexes = (models.Index(fields=("kind",), name="task_kind"),)

    def __str__(self) -> str:
        return self.name or self.digest[:19]

    @property
    def name(self) -> str:
        return self.words.name or self.words.dataset_name

    @property
    def languages(self) -> Sequence[str]:
        return self.words.languages

    @property
    def domain(self) -> str:
        return self.words.domain

    @property
    def metafeatures(self) -> Mapping[str, Any]:
        return self.words.metafeatures
