"""Dataset: labelled rows that this hub may train on.

It knows nothing of how rows are read; a control job resolves them and writes what it found back here.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from knowledgebase.accounts.models import Membership


class DatasetQuerySet(models.QuerySet["Dataset"]):
    """Queries every reader of datasets starts from."""

    def visible_to(self, user: object) -> DatasetQuerySet:
        """Own datasets and those of one's teams."""
        key = getattr(user, "pk", None)
        if key is None:
            return self.none()
        # A subquery and not a join, so that no row appears twice.
        teams = Membership.objects.filter(user_id=key).values("team_id")
        return self.filter(models.Q(owner_id=key) | models.Q(team_id__in=teams))


class Dataset(models.Model):
    """Rows of one kind of task, from a built-in source, the HF Hub, a file of the operator or an upload.

    A text with one label each, or a question with its context and the answers that count as right.

    Its identity as a task is the fingerprint of the uncut training rows, not this row's id: two people may
    upload the same rows and share what is known about them.
    """

    class Source(models.TextChoices):
        BUILTIN = "builtin"
        FILE = "file"
        UPLOAD = "upload"
        HUB = "hub"

    class Kind(models.TextChoices):
        CLASSES = "text-classification"
        ANSWERS = "question-answering"

    class State(models.TextChoices):
        RESOLVING = "resolving"
        READY = "ready"
        REFUSED = "refused"
        DELETED = "deleted"

    UNUSABLE = (State.REFUSED, State.DELETED)
    """States of datasets that nobody can train on any more, and that need no files."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="datasets")
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="datasets")
    source = models.CharField(max_length=16, choices=Source.choices)
    kind = models.CharField(
        max_length=64,
        choices=Kind.choices,
        default=Kind.CLASSES,
        help_text="the task's, by the record's names",
    )
    name = models.CharField(max_length=200, help_text="what people call it; never a path")
    files = models.JSONField(
        default=dict, blank=True, help_text="split -> stored file; uploads carry names made from their hash"
    )
    revision = models.CharField(
        max_length=200, blank=True, help_text="hub: what was asked for; the commit once it is read"
    )
    config = models.CharField(max_length=100, blank=True, help_text="hub: part of a repository of several")
    encoding = models.CharField(max_length=40, blank=True, help_text="of text files; UTF-8 when empty")
    text_columns = models.JSONField(default=list, blank=True)
    label_column = models.CharField(max_length=200, blank=True)
    languages = models.JSONField(default=list, blank=True, help_text="BCP 47 tags as the owner gave them")
    domain = models.CharField(max_length=200, blank=True)

    state = models.CharField(max_length=16, choices=State.choices, default=State.RESOLVING)
    problem = models.JSONField(default=dict, blank=True, help_text="code, detail, field of a refusal")
    warnings = models.JSONField(default=list, blank=True)
    fingerprint = models.CharField(max_length=90, blank=True, help_text="over the uncut training rows")
    task_digest = models.CharField(max_length=80, blank=True, db_index=True)
    classes = models.JSONField(default=dict, blank=True, help_text="label -> training rows")
    train_rows = models.PositiveIntegerField(null=True, blank=True)
    validation_rows = models.PositiveIntegerField(null=True, blank=True)
    test_rows = models.PositiveIntegerField(null=True, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    metafeatures = models.JSONField(default=dict, blank=True, help_text="extractor, version, sampled, values")
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    # While it is read by a process of its own.
    attempts = models.PositiveSmallIntegerField(default=0, help_text="how often somebody began to read it")
    lease_until = models.DateTimeField(null=True, blank=True, help_text="until then somebody is reading it")
    fetched_bytes = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="hub: what has arrived so far"
    )

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(source__in=["builtin", "file", "upload", "hub"]),
                name="dataset_source_is_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="ready") | ~models.Q(fingerprint=""),
                name="dataset_ready_has_fingerprint",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"

    @property
    def is_unusable(self) -> bool:
        return self.state in self.UNUSABLE

    @property
    def score_name(self) -> str:
        """What runs on these rows are judged by, as people call it."""
        return "token-F1" if self.kind == self.Kind.ANSWERS else "macro-F1"
