"""Reads about people. The one write, a token's last use, belongs to reading it."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from knowledgebase.accounts.models import ApiToken, AuditEntry, Membership, Team, User

# Writing "last used" at each request would make every read a write; to the minute is enough to see dead tokens.
USED_STEP = timedelta(minutes=1)


def digest_of(secret: str) -> str:
    """SHA-256, hexadecimal. The secrets hold 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_of(text: str) -> ApiToken | None:
    """The valid token with this text, its use noted; None for every other text."""
    token = ApiToken.objects.select_related("owner", "team").filter(digest=digest_of(text)).first()
    if token is None or not token.is_valid or not token.owner.is_active:
        return None
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > USED_STEP:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def is_team_owner(user: User, team_id: int | None) -> bool:
    """Whether the person may decide for the team."""
    if team_id is None:
        return False
    return Membership.objects.filter(user=user, team_id=team_id, role=Membership.Role.OWNER).exists()


def user_named(username: str) -> User | None:
    return User.objects.filter(username=username).first()


def team_of(user: User, slug: str) -> Team | None:
    """A team that the person is in (a superuser: any), or None: absent and forbidden are one answer."""
    rows = Team.objects.all() if user.is_superuser else user.teams
    return rows.filter(slug=slug).first()


def members_of(team: Team) -> QuerySet[Membership]:
    """Owners first, then by name."""
    return Membership.objects.filter(team=team).select_related("user").order_by("-role", "user__username")


def audit_list(user: User) -> QuerySet[AuditEntry]:
    """What the person did, and what concerns the teams they own; a superuser sees all. Newest first."""
    rows = AuditEntry.objects.select_related("actor", "team").order_by("-at", "-pk")
    if user.is_superuser:
        return rows
    owned = Membership.objects.filter(user=user, role=Membership.Role.OWNER).values("team_id")
    return rows.filter(Q(actor=user) | Q(team_id__in=owned))
