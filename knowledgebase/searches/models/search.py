"""Search: a request for the best pipelines on one Dataset within a budget.

It holds what was asked and the bounded snapshot of the prior; it does not know how pipelines are chosen.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from knowledgebase.accounts.models import Membership


class SearchQuerySet(models.QuerySet["Search"]):
    """Queries every reader of searches starts from."""

    def visible_to(self, user: object) -> SearchQuerySet:
        """Own searches and those of one's teams."""
        key = getattr(user, "pk", None)
        if key is None:
            return self.none()
        # A subquery and not a join, so that no row appears twice.
        teams = Membership.objects.filter(user_id=key).values("team_id")
        return self.filter(models.Q(owner_id=key) | models.Q(team_id__in=teams))

    def unfinished(self) -> SearchQuerySet:
        """Searches that a sweep still has to push."""
        return self.filter(state__in=Search.UNFINISHED)


class Search(models.Model):
    """What somebody asked for; its trials are the queue of work.

    States: queued (waits for its dataset or for a control worker) -> running -> done | failed;
    cancelling while trials are being stopped, then cancelled.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        CANCELLING = "cancelling"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"

    UNFINISHED = (State.QUEUED, State.RUNNING, State.CANCELLING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="searches")
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="searches")
    dataset = models.ForeignKey("searches.Dataset", on_delete=models.PROTECT, related_name="searches")
    title = models.CharField(max_length=200, blank=True)
    idempotency_key = models.CharField(max_length=200, blank=True)

    space = models.CharField(max_length=100, default="tunelore/1")
    own_space = models.JSONField(
        default=dict, blank=True, help_text="all of a space that was written for this search; empty: by name"
    )
    methods = models.JSONField(default=list, blank=True, help_text="empty: every method of the space")
    language_models = models.JSONField(
        default=list, blank=True, help_text="keys; filled with all available ones when the search starts"
    )
    objectives = models.JSONField(
        default=list, help_text="names: score, seconds, memory_bytes, trainable_parameters"
    )
    budget_trials = models.PositiveIntegerField()
    budget_seconds = models.FloatField(null=True, blank=True, help_text="wall clock from the first start")
    wall_s = models.FloatField(null=True, blank=True, help_text="limit of one trial")
    host_memory_bytes = models.PositiveBigIntegerField(null=True, blank=True, help_text="limit of one trial")
    slots = models.PositiveSmallIntegerField(default=1, help_text="trials at the same time")
    train_rows = models.PositiveIntegerField(null=True, blank=True, help_text="cut of the training rows")
    evaluation_rows = models.PositiveIntegerField(
        null=True, blank=True, help_text="cut of validation and of test rows, each"
    )
    sampler = models.CharField(max_length=32, help_text="the name of the sampler that proposes its trials")
    sampler_options = models.JSONField(default=dict, blank=True)
    gate = models.BooleanField(default=False, help_text="whether hopeless proposals are skipped")
    gate_options = models.JSONField(
        default=dict, blank=True, help_text="the gate's thresholds; empty: the usual"
    )
    early_stopping = models.CharField(
        max_length=16, blank=True, help_text="the rule by which training curves are stopped; empty: never"
    )
    warm_start = models.BooleanField(default=True)
    seed = models.PositiveIntegerField(default=0)

    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    end_reason = models.CharField(
        max_length=32, blank=True, help_text="trials | seconds | exhausted | user | ..."
    )
    problem = models.JSONField(default=dict, blank=True, help_text="code and detail when the search failed")
    prior = models.JSONField(default=dict, blank=True, help_text="bounded snapshot, as the library keeps it")
    prior_ids = models.JSONField(
        default=list, blank=True, help_text="experiences that moved the prior, bounded"
    )
    prior_digest = models.CharField(max_length=80, blank=True)
    prior_summary = models.JSONField(
        default=dict, blank=True, help_text="neighbours, distributions, uniform and weights, for readers"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    hinted_at = models.DateTimeField(null=True, blank=True, help_text="when advance_search was last sent")

    objects = SearchQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        verbose_name_plural = "searches"
        indexes = (models.Index(fields=("state",), name="search_state"),)
        constraints = (
            models.UniqueConstraint(
                fields=("owner", "idempotency_key"),
                condition=~models.Q(idempotency_key=""),
                name="search_idempotency_key_once",
            ),
            models.CheckConstraint(condition=models.Q(budget_trials__gte=1), name="search_has_budget"),
            models.CheckConstraint(condition=models.Q(slots__gte=1), name="search_has_slots"),
            models.CheckConstraint(
                condition=models.Q(state__in=["queued", "running", "cancelling"])
                | models.Q(ended_at__isnull=False),
                name="search_end_has_time",
            ),
        )

    def __str__(self) -> str:
        return self.title or f"search {str(self.pk)[:8]}"

    @property
    def is_finished(self) -> bool:
        return self.state not in self.UNFINISHED
