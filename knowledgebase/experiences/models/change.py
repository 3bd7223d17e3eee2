"""The order of changes: a counter that commits in its own order, and what deletion leaves behind."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ChangeCounter(models.Model):
    """One row. Whoever takes numbers holds its lock until commit, so numbers become visible in order."""

    last = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(pk=1), name="change_counter_is_one_row"),)

    def __str__(self) -> str:
        return str(self.last)


class Tombstone(models.Model):
    """A deleted Experience stays deleted: its id is refused for ever, and peers learn of it."""

    id = models.UUIDField(primary_key=True, editable=False)
    deleted_at = models.DateTimeField(auto_now_add=True)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    team = models.ForeignKey(
        "accounts.Team", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    reason = models.CharField(max_length=200, blank=True)
    change_seq = models.BigIntegerField(unique=True)

    def __str__(self) -> str:
        return str(self.pk)
