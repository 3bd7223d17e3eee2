"""Reads about people. The one write, a token's last use, belongs to reading it."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from knowledgebase.accounts.models import (
    SCOPES,
    ApiToken,
    AuditEntry,
    Invitation,
    LoginLink,
    Membership,
    Team,
    User,
)

# Writing "last used" at each request would make every read a write; to the minute is enough to see dead tokens.
USED_STEP = timedelta(minutes=1)
READ_SCOPES = tuple(scope for scope in SCOPES if scope.endswith(":read"))


def digest_of(secret: str) -> str:
    """SHA-256, hexadecimal. The secrets hold 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_of(text: str) -> ApiToken | None:
    """The valid token with this text, its use noted; None for every other text.

    A token is worth what its owner is worth in its team now: nothing to one who left, reading to a viewer.
    """
    part = Membership.objects.filter(team=OuterRef("team"), user=OuterRef("owner")).values("role")
    tokens = ApiToken.objects.select_related("owner", "team").annotate(role=Subquery(part))
    token = tokens.filter(digest=digest_of(text)).first()
    if token is None or not token.is_valid or not token.owner.is_active or token.role is None:
        return None
    if token.role not in Membership.WRITERS:
        token.scopes = [scope for scope in token.scopes if scope in READ_SCOPES]
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > USED_STEP:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def token_list(user: User) -> QuerySet[ApiToken]:
    """A person's tokens that are not revoked, newest first."""
    return ApiToken.objects.filter(owner=user, revoked_at=None).select_related("team").order_by("-created_at")


def role_in(user: User, team_id: int | None) -> str | None:
    """The person's role in the team, None outside of it."""
    if team_id is None:
        return None
    return Membership.objects.filter(user=user, team_id=team_id).values_list("role", flat=True).first()


def is_team_owner(user: User, team_id: int | None) -> bool:
    """Whether the person may decide for the team."""
    return role_in(user, team_id) == Membership.Role.OWNER


def membership_list(user: User) -> QuerySet[Membership]:
    """The person's teams with their role in each and how many people are in it, their personal one first."""
    return (
        Membership.objects.filter(user=user)
        .select_related("team")
        .annotate(people=Count("team__membership"))
        .order_by(F("team__personal_of").desc(nulls_last=True), "team__name")
    )


def membership_teams(user: User) -> QuerySet[Team]:
    """Teams that the person is in, in whatever role, their personal one first."""
    mine = Membership.objects.filter(user=user).values("team_id")
    return Team.objects.filter(pk__in=mine).order_by(F("personal_of").desc(nulls_last=True), "name")


def writable_teams(user: User) -> QuerySet[Team]:
    """Teams that the person may add to, their personal one first."""
    mine = Membership.objects.filter(user=user, role__in=Membership.WRITERS).values("team_id")
    return Team.objects.filter(pk__in=mine).order_by(F("personal_of").desc(nulls_last=True), "name")


def team_detail(user: User, slug: str) -> Membership | None:
    """The person's membership in the team with this slug; None: absent and not theirs are the same answer."""
    return Membership.objects.select_related("team").filter(user=user, team__slug=slug).first()


def member_list(team: Team) -> QuerySet[Membership]:
    """Who is in a team, by name."""
    return Membership.objects.filter(team=team).select_related("user").order_by("user__username")


def invitation_list(team: Team) -> QuerySet[Invitation]:
    """Invitations that still work, newest first."""
    return (
        Invitation.objects.filter(team=team, used_at=None, revoked_at=None, expires_at__gt=timezone.now())
        .select_related("made_by")
        .order_by("-created_at")
    )


def open_invitation(secret: str) -> Invitation | None:
    """The invitation that this secret opens, while it works."""
    return (
        Invitation.objects.select_related("team", "made_by")
        .filter(digest=digest_of(secret), used_at=None, revoked_at=None, expires_at__gt=timezone.now())
        .first()
    )


def open_reset_link(secret: str) -> User | None:
    """Whose password this secret may set; it is not used up by looking."""
    link = (
        LoginLink.objects.select_related("user")
        .filter(digest=digest_of(secret), purpose=LoginLink.Purpose.PASSWORD, used_at=None)
        .filter(expires_at__gt=timezone.now(), user__is_active=True)
        .first()
    )
    return link.user if link is not None else None


def audit_list(
    team: Team | None, *, actor: str = "", action: str = "", since: date | None = None, until: date | None = None
) -> QuerySet[AuditEntry]:
    """Entries of one team, or of none (the operator's own), newest first. Days are UTC, both included."""
    rows = AuditEntry.objects.filter(team=team).select_related("actor").order_by("-id")
    if actor:
        rows = rows.filter(actor__username=actor)
    if action:
        rows = rows.filter(action=action)
    if since is not None:
        rows = rows.filter(at__date__gte=since)
    if until is not None:
        rows = rows.filter(at__date__lte=until)
    return rows


def audit_words(team: Team | None) -> tuple[list[str], list[str]]:
    """The actions and the names that occur in a log, for its filter."""
    rows = AuditEntry.objects.filter(team=team)
    actions = rows.order_by("action").values_list("action", flat=True).distinct()
    actors = rows.exclude(actor=None).order_by("actor__username").values_list("actor__username", flat=True)
    return list(actions), list(actors.distinct())


def people_list() -> QuerySet[User]:
    """Everybody with an account, by name; the operator's to read."""
    return User.objects.order_by("username")


def user_named(username: str) -> User | None:
    return User.objects.filter(username=username).first()
