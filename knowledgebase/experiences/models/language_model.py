"""LanguageModel: a base checkpoint. "Model" alone means Django's."""

from __future__ import annotations

from django.db import models


class LanguageModel(models.Model):
    """source:name@revision#variant, with what records say about it and, in their gaps, the shipped catalogue."""

    key = models.CharField(max_length=760, unique=True, help_text="source:name@revision#variant")
    source = models.CharField(max_length=32)
    name = models.CharField(max_length=300, blank=True, db_index=True)
    revision = models.CharField(max_length=200, blank=True)
    variant = models.CharField(max_length=100, blank=True)
    features = models.JSONField(default=dict, blank=True)
    feature_sources = models.JSONField(
        default=dict, blank=True, help_text="feature -> record, or the catalogue and its source"
    )
    parameters = models.BigIntegerField(null=True, blank=True)
    architecture = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(parameters__isnull=True) | models.Q(parameters__gte=0),
                name="language_model_parameters_positive",
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """What people read: the name and the variant, without source and revision."""
        name = self.name or "unnamed"
        return f"{name}, {self.variant}" if self.variant else name
