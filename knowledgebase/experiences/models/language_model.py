"""LanguageModel: a base checkpoint. "Model" alone means Django's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models

from knowledgebase.experiences.models.description import LanguageModelWords, columns_of


class LanguageModel(models.Model):
    """source:name@revision#variant, and nothing else.

    Its features are LanguageModelDescriptions, each for an audience; `words` is what was put together of them for one
    reader (`selectors.describe_language_models`), and empty until then.
    """

    key = models.CharField(max_length=760, unique=True, help_text="source:name@revision#variant")
    source = models.CharField(max_length=32)
    name = models.CharField(max_length=300, blank=True, db_index=True)
    revision = models.CharField(max_length=200, blank=True)
    variant = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    words: LanguageModelWords = LanguageModelWords()

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """What people read: the name and the variant, without source and revision."""
        name = self.name or "unnamed"
        return f"{name}, {self.variant}" if self.variant else name

    @property
    def features(self) -> Mapping[str, Any]:
        return self.words.features

    @property
    def feature_sources(self) -> Mapping[str, str]:
        return self.words.feature_sources

    @property
    def parameters(self) -> int | None:
        return columns_of(self.features)[0]

    @property
    def architecture(self) -> str:
        return columns_of(self.features)[1]
