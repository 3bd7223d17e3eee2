"""Experience: an immutable fact about one run, with what the hub knows beside the record.

The columns repeat what is filtered and sorted; the record is the truth and is stored whole.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from tunelore.record import STATUSES

from knowledgebase.accounts.models import Membership
from knowledgebase.core.database import Tail
from knowledgebase.core.requests import once_a_request
from knowledgebase.experiences.models.description import audience_of
from knowledgebase.experiences.models.numbers import NUMBERS, RecordNumber

# Thirty thousand years. No run takes as long, but anybody may say so, and two such numbers have no sum.
MOST_SECONDS = 1e12


def team_ids(user_id: object) -> list[int]:
    """The teams that a person is in."""
    mine = Membership.objects.filter(user_id=user_id).order_by("team_id")  # type: ignore[misc]  # a key of any type
    return list(mine.values_list("team_id", flat=True))


def seen_by(user_id: object, teams: object) -> Q:
    """What a person in these teams may see, of all that has an owner, a team and a visibility."""
    shared = Q(visibility__in=["hub", "public"]) | Q(visibility="team", team_id__in=teams)
    return shared | Q(owner_id=user_id)


class ExperienceQuerySet(models.QuerySet["Experience"]):
    """Queries every reader of experiences starts from."""

    def visible_to(self, user: object, *, in_order: bool = False) -> ExperienceQuerySet:
        """What this person may see: their own, their teams', the hub's and public ones. Nobody sees nothing.

        The teams are a subquery and not a join, so that no row appears twice and none needs DISTINCT. `in_order`: a
        few rows of a long list are wanted. Then the teams are looked up first: told their numbers, PostgreSQL knows
        how much of the store they own, and for somebody who sees little goes to that instead of reading everything.
        """
        key = getattr(user, "pk", None)
        if key is None:
            return self.none()
        teams: object = Membership.objects.filter(user_id=key).values("team_id")
        if in_order:
            teams = once_a_request(("teams", key), lambda: team_ids(key))
        return self.filter(seen_by(key, teams))


class Experience(models.Model):
    """This pipeline on this task on this system gave these scores and costs, or failed in this way."""

    class Visibility(models.TextChoices):
        PRIVATE = "private"
        TEAM = "team"
        HUB = "hub"
        PUBLIC = "public"

        @property
        def width(self) -> int:
            """0 for the fewest who may see it, 3 for the most."""
            return list(type(self)).index(self)

    id = models.UUIDField(primary_key=True, editable=False)
    digest = models.CharField(max_length=80, help_text="of the record without id and provenance")
    content = models.CharField(
        max_length=64, help_text="SHA-256 of the whole canonical record, for idempotency"
    )
    # Keys without an index of their own stand first in one of those below.
    task = models.ForeignKey(
        "experiences.Task", on_delete=models.PROTECT, related_name="experiences", db_index=False
    )
    system = models.ForeignKey(
        "experiences.System", null=True, blank=True, on_delete=models.PROTECT, related_name="experiences"
    )
    pipeline = models.ForeignKey("experiences.Pipeline", on_delete=models.PROTECT, related_name="experiences")
    language_model = models.ForeignKey(
        "experiences.LanguageModel",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="experiences",
        db_index=False,
    )
    # What this very record says of both: who sees the experience sees these words, and no others.
    task_description = models.ForeignKey(
        "experiences.TaskDescription", on_delete=models.PROTECT, related_name="experiences", db_index=False
    )
    language_model_description = models.ForeignKey(
        "experiences.LanguageModelDescription",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="experiences",
        db_index=False,
    )
    method = models.CharField(max_length=64)
    space = models.CharField(
        max_length=100, blank=True, help_text="that its own record says the pipeline was drawn from"
    )
    status = models.CharField(max_length=16)
    phase = models.CharField(max_length=32, blank=True)
    cause = models.CharField(max_length=64, blank=True)
    score = models.FloatField(null=True, blank=True, help_text="primary value, in [0, 1], higher is better")
    primary_metric = models.CharField(max_length=200, blank=True)
    primary_split = models.CharField(max_length=64, blank=True)
    evaluation_s = models.FloatField(null=True, blank=True)
    cpu_s = models.FloatField(null=True, blank=True)
    host_memory_bytes = models.BigIntegerField(null=True, blank=True)
    device_memory_bytes = models.BigIntegerField(null=True, blank=True)
    train_rows = models.BigIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    via = models.CharField(max_length=64)
    record = models.JSONField()
    numbers = models.JSONField(default=dict, help_text="of the record, as `numbers_of` takes them out")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="experiences",
        db_index=False,
    )
    team = models.ForeignKey(
        "accounts.Team",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="experiences",
        db_index=False,
    )
    visibility = models.CharField(max_length=16, choices=Visibility.choices, default=Visibility.TEAM)
    origin = models.CharField(
        max_length=100, blank=True, help_text="where it came from; empty: sent to this hub"
    )
    licence = models.CharField(max_length=64, blank=True)
    change_seq = models.BigIntegerField(unique=True, help_text="grows in the order of commits")
    received_at = models.DateTimeField()
    provisional = models.BooleanField(
        default=False, help_text="the hub's guess about a silent run; the client's own record replaces it"
    )

    objects = ExperienceQuerySet.as_manager()

    class Meta:
        ordering = ("-change_seq",)
        indexes = (
            models.Index(fields=("digest",), name="experience_digest"),
            models.Index(Tail("id"), name="experience_tail"),
            models.Index(fields=("task", "-change_seq"), name="experience_task"),
            models.Index(fields=("method", "-change_seq"), name="experience_method"),
            models.Index(fields=("status", "-change_seq"), name="experience_status"),
            models.Index(fields=("language_model", "-change_seq"), name="experience_language_model"),
            models.Index(fields=("task_description", "-change_seq"), name="experience_task_words"),
            models.Index(
                fields=("language_model_description", "-change_seq"), name="experience_language_words"
            ),
            models.Index(fields=("team", "-change_seq"), name="experience_team"),
            models.Index(fields=("via", "-change_seq"), name="experience_via"),
            models.Index(fields=("cause", "-change_seq"), name="experience_cause"),
            # Sums over everything read these two alone and leave the wide rows where they are. Count "*" and
            # not the key, which on SQLite no index of ours holds.
            models.Index(
                fields=(
                    "status",
                    "method",
                    "visibility",
                    "team",
                    "owner",
                    "task",
                    "language_model",
                    "evaluation_s",
                    "received_at",
                ),
                name="experience_sums",
            ),
            models.Index(
                fields=(
                    "task",
                    "language_model",
                    "status",
                    "visibility",
                    "team",
                    "owner",
                    "primary_metric",
                    "primary_split",
                    "score",
                    "change_seq",
                    "system",
                ),
                name="experience_by_task",
            ),
            # Sorting and ranges: read from either end, and the change number settles what is equal.
            *(
                models.Index(fields=(name, "change_seq"), name=f"experience_{name}")
                for name in (
                    "score",
                    "evaluation_s",
                    "cpu_s",
                    "host_memory_bytes",
                    "device_memory_bytes",
                    "train_rows",
                    "started_at",
                    "finished_at",
                    "received_at",
                    "owner",
                    "visibility",
                )
            ),
            *(
                models.Index(
                    RecordNumber(*way),
                    "change_seq",
                    name=f"number_{name.removeprefix('metrics.').replace('.', '_')}",
                )
                for name, way in NUMBERS.items()
            ),
        )
        constraints = (
            models.CheckConstraint(condition=Q(status__in=STATUSES), name="experience_status_known"),
            models.CheckConstraint(
                condition=Q(visibility__in=["private", "team", "hub", "public"]),
                name="experience_visibility_known",
            ),
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(score__gte=0, score__lte=1, status="ok"),
                name="experience_score_of_success",
            ),
            models.CheckConstraint(
                condition=(Q(evaluation_s__isnull=True) | Q(evaluation_s__gte=0))
                & (Q(cpu_s__isnull=True) | Q(cpu_s__gte=0))
                & (Q(host_memory_bytes__isnull=True) | Q(host_memory_bytes__gte=0))
                & (Q(device_memory_bytes__isnull=True) | Q(device_memory_bytes__gte=0)),
                name="experience_costs_not_negative",
            ),
            models.CheckConstraint(
                condition=(Q(evaluation_s__isnull=True) | Q(evaluation_s__lte=MOST_SECONDS))
                & (Q(cpu_s__isnull=True) | Q(cpu_s__lte=MOST_SECONDS)),
                name="experience_seconds_have_a_sum",
            ),
            models.CheckConstraint(
                condition=Q(train_rows__isnull=True) | Q(train_rows__gte=0),
                name="experience_train_rows_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(started_at__isnull=True)
                | Q(finished_at__isnull=True)
                | Q(finished_at__gte=F("started_at")),
                name="experience_ends_after_its_start",
            ),
            models.CheckConstraint(
                condition=~Q(provisional=True) | Q(status="killed"), name="experience_provisional_is_killed"
            ),
        )

    def __str__(self) -> str:
        return f"{self.method} {self.status} {str(self.pk)[:8]}"

    @property
    def audience(self) -> str:
        """For whom its words are kept."""
        return audience_of(self.visibility, self.team_id, self.owner_id)

    @property
    def task_title(self) -> str:
        """What its own record calls the task."""
        return str(self.task_description.name or self.task.digest[:19])
