"""Pipeline: a complete choice, language model (or none) + method + hyper-parameters."""

from __future__ import annotations

from django.db import models


class Pipeline(models.Model):
    """Identified by the digest of its canonical JSON, and shared by all who tried it.

    So it holds what the digest is of and nothing else: from which space a run drew it stands with the experience.
    """

    digest = models.CharField(max_length=80, unique=True)
    language_model = models.ForeignKey(
        "experiences.LanguageModel", null=True, blank=True, on_delete=models.PROTECT, related_name="pipelines"
    )
    method = models.CharField(max_length=64)
    hyperparameters = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.digest[7:15]}"
