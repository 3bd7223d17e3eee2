"""Task: a learning problem, identified by its data and label, never by measured features."""

from __future__ import annotations

import time

from django.db import models


class Task(models.Model):
    """Kind + label column + dataset; meta-features describe it and may be measured again by a newer extractor."""

    digest = models.CharField(
        max_length=80, unique=True, help_text="of the identity: kind, label column, dataset"
    )
    kind = models.CharField(max_length=64)
    name = models.CharField(max_length=300, blank=True, db_index=True)
    comparable = models.BooleanField(
        default=True, help_text="false: the run's own task, compared with nothing"
    )
    label_column = models.CharField(max_length=200, blank=True)
    dataset_source = models.CharField(max_length=32, blank=True)
    dataset_name = models.CharField(max_length=300, blank=True)
    dataset_config = models.CharField(max_length=200, blank=True)
    dataset_revision = models.CharField(max_length=200, blank=True)
    fingerprint = models.CharField(max_length=90, blank=True, db_index=True)
    languages = models.JSONField(default=list, blank=True)
    domain = models.CharField(max_length=200, blank=True)
    metafeatures = models.JSONField(default=dict, blank=True, help_text="extractor, version, sampled, values")
    created_at = models.DateTimeField(auto_now_add=True)
    described = models.BigIntegerField(
        default=time.time_ns, help_text="grows with each change; caches of meta-features go by it"
    )

    class Meta:
        indexes = (models.Index(fields=("kind",), name="task_kind"),)

    def __str__(self) -> str:
        return self.name or self.dataset_name or self.digest[:19]
