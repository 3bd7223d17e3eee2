"""System: hardware and software of a run. Threads, load and measured speed belong to the run."""

from __future__ import annotations

from django.db import models


class System(models.Model):
    """Two runs on the same hardware and software share one."""

    digest = models.CharField(max_length=80, unique=True)
    features = models.JSONField(default=dict, blank=True)
    software = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.features.get('cpu_cores_logical', '?')} cores"
