"""Who: User, Team, Membership, ApiToken, LoginLink, and the AuditEntry of what they changed.

Secrets stand here only as SHA-256 digests. It knows nothing of what a team owns.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Length
from django.utils import timezone

models.CharField.register_lookup(Length)

SCOPES = ("experiences:write", "experiences:read", "searches:write", "federation", "admin")


class User(AbstractUser):
    """A person; the operator of the hub is a superuser."""

    @property
    def teams(self) -> models.QuerySet[Team]:
        return Team.objects.filter(membership__user=self)


class Team(models.Model):
    """The owner of experiences, datasets and searches. Everybody has a personal one."""

    slug = models.SlugField(max_length=160, unique=True)
    name = models.CharField(max_length=160)
    personal_of = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="personal_team",
    )
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's part in a team: owners decide who is in it, members add to it, viewers only read."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MEMBER = "member"
        VIEWER = "viewer"

    WRITERS = (Role.OWNER, Role.MEMBER)

    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("team", "user"), name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "member", "viewer"]), name="membership_role_known"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"


class ApiToken(models.Model):
    """A bearer token of one person; the text itself is shown once and never stored."""

    prefix = models.CharField(max_length=16, help_text="the first characters, to recognise it by")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the whole token, hexadecimal")
    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=list)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, help_text="what the token's records belong to")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="to the minute")
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(digest__length=64), name="token_is_hashed"),)

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"

    @property
    def is_valid(self) -> bool:
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired


class LoginLink(models.Model):
    """A link that does one thing for one person once: it signs them in, or lets them set a password."""

    class Purpose(models.TextChoices):
        SIGN_IN = "sign_in"
        PASSWORD = "password"  # noqa: S105 - what the link is for

    purpose = models.CharField(max_length=16, choices=Purpose.choices, default=Purpose.SIGN_IN)
    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"link of {self.user_id}"


class Invitation(models.Model):
    """A link by which one person joins a team, with an account that they have or make then."""

    digest = models.CharField(max_length=64, unique=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=16, choices=Membership.Role.choices, default=Membership.Role.MEMBER)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "member", "viewer"]), name="invitation_role_known"
            ),
            models.CheckConstraint(condition=models.Q(digest__length=64), name="invitation_is_hashed"),
        )

    def __str__(self) -> str:
        return f"invitation to {self.team_id}"

    @property
    def is_open(self) -> bool:
        return self.used_at is None and self.expires_at > timezone.now()


class AuditEntry(models.Model):
    """Who changed what and when; rows are added, never changed."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", help_text="whom it concerns"
    )
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=200, blank=True)
    facts = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = (models.Index(fields=("team", "-at"), name="audit_team"),)

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
