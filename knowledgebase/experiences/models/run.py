"""Run: what the hub knows of a run that has not ended. The only mutable thing in the store."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from knowledgebase.accounts.models import Membership
from knowledgebase.experiences.models.experience import Experience, seen_by


class RunQuerySet(models.QuerySet["Run"]):
    """Queries every reader of runs starts from."""

    def visible_to(self, user: object) -> RunQuerySet:
        """What this person may see, by the same rule as experiences. Nobody sees nothing."""
        key = getattr(user, "pk", None)
        if key is None:
            return self.none()
        return self.filter(seen_by(key, Membership.objects.filter(user_id=key).values("team_id")))


class Run(models.Model):
    """It disappears when its Experience arrives, or becomes a provisional one after a long silence."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="the id of the Experience to come")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="runs")
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="runs")
    visibility = models.CharField(
        max_length=16,
        choices=Experience.Visibility.choices,
        default=Experience.Visibility.TEAM,
        help_text="who sees that it goes on; its Experience is never seen by more",
    )
    partial = models.JSONField(help_text="the record so far, without outcome, metrics, primary and cost")
    started_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(db_index=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(visibility__in=["private", "team", "hub", "public"]),
                name="run_visibility_known",
            ),
        )

    def __str__(self) -> str:
        return f"run {str(self.pk)[:8]}"
