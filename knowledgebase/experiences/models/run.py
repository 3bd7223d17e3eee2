"""Run: what the hub knows of a run that has not ended. The only mutable thing in the store."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Run(models.Model):
    """It disappears when its Experience arrives, or becomes a provisional one after a long silence."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="the id of the Experience to come")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="runs")
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="runs")
    partial = models.JSONField(help_text="the record so far, without outcome, metrics, primary and cost")
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"run {str(self.pk)[:8]}"
