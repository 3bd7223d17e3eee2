"""Trial: one attempt of a Search, and the row that stands in the queue.

A Trial that ran ends as exactly one Experience of the same id; one skipped or cancelled before it ran as none.
It does not know which process runs it, only which attempt holds the lease.
"""

from __future__ import annotations

import uuid

from django.db import models
from tunelore.record import uuid7


def new_trial_id() -> uuid.UUID:
    """Time-ordered, because the trial's Experience takes the same id."""
    return uuid.UUID(uuid7())


class Trial(models.Model):
    """One pipeline to run, running or run.

    `attempt` is the fencing token: it grows with every claim and never falls, so that whoever still holds an
    older one is refused. `losses` counts leases that ran out; the third ends the trial.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"
        SKIPPED = "skipped"

    NEVER_RAN = (State.CANCELLED, State.SKIPPED)
    """States of trials that cost nothing and taught nothing."""
    NO_FAILURE = ("ok", "pruned")
    """Outcomes that nobody counts as failed: what was stopped early was only not good enough."""
    TELLING = ("ok", "oom", "timeout", "diverged", "error")
    """Outcomes that say how a pipeline does; killed, pruned and unknown say nothing of it."""

    id = models.UUIDField(primary_key=True, default=new_trial_id, editable=False)
    search = models.ForeignKey("searches.Search", on_delete=models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField(help_text="order of proposal within the search, from 1")
    method = models.CharField(max_length=64)
    language_model = models.CharField(max_length=500, blank=True, help_text="key; empty for none")
    hyperparameters = models.JSONField(default=dict)
    origin = models.CharField(max_length=64, blank=True, help_text="what made the sampler propose it")
    probability = models.FloatField(null=True, blank=True)
    why = models.JSONField(
        default=dict, blank=True, help_text="what the sampler and the gate said for it; bounded"
    )
    seed = models.PositiveIntegerField(default=0)

    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    losses = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    progress = models.JSONField(
        default=dict, blank=True, help_text="phase, step, epoch, seconds, memory_bytes, best"
    )
    sent_at = models.DateTimeField(null=True, blank=True, help_text="when its message was last sent")
    sends = models.PositiveSmallIntegerField(default=0)

    status = models.CharField(max_length=16, blank=True, help_text="outcome, once done")
    cause = models.CharField(max_length=64, blank=True)
    phase = models.CharField(max_length=32, blank=True)
    score = models.FloatField(null=True, blank=True, help_text="primary, in [0, 1], higher is better")
    seconds = models.FloatField(null=True, blank=True, help_text="evaluation time")
    memory_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    trainable_parameters = models.PositiveBigIntegerField(null=True, blank=True)
    energy_j = models.FloatField(null=True, blank=True, help_text="joules, where the run measured them")
    pruning = models.JSONField(
        default=dict,
        blank=True,
        help_text="why its training was stopped early, with the score it had reached",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("search", "number")
        indexes = (
            models.Index(fields=("state", "lease_until"), name="trial_state_lease"),
            models.Index(fields=("search", "state"), name="trial_search_state"),
        )
        constraints = (
            models.UniqueConstraint(fields=("search", "number"), name="trial_number_once"),
            models.CheckConstraint(
                condition=models.Q(state="running", lease_until__isnull=False)
                | (~models.Q(state="running") & models.Q(lease_until__isnull=True)),
                name="trial_lease_while_running",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="done") | ~models.Q(status=""), name="trial_done_has_status"
            ),
            models.CheckConstraint(
                condition=models.Q(score__isnull=True) | models.Q(score__gte=0, score__lte=1),
                name="trial_score_in_range",
            ),
        )

    def __str__(self) -> str:
        return f"trial {self.number} of {self.search_id}"
