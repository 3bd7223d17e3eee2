"""Reads about people. The one write, a token's last use, belongs to reading it."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, When
from django.utils import timezone

from knowledgebase.accounts.models import SCOPES, ApiToken, AuditEntry, LoginLink, Membership, Team, User

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


def why_not(text: str) -> str:
    """What is the matter with a token that is not valid: for an answer to who sent it."""
    token = ApiToken.objects.select_related("owner").filter(digest=digest_of(text)).first()
    if token is None:
        return "is not known to this hub"
    if token.revoked_at is not None:
        return f"was revoked on {token.revoked_at:%Y-%m-%d}"
    if not token.is_valid:
        return f"has expired on {token.expires_at:%Y-%m-%d}"
    return "is of somebody who has left its team, or whose account is closed"


def token_list(user: User) -> QuerySet[ApiToken]:
    """All of a person's tokens, revoked ones too."""
    return ApiToken.objects.filter(owner=user).select_related("team")


def role_in(user: User, team_id: int | None) -> str | None:
    """The person's role in the team, None outside of it."""
    if team_id is None:
        return None
    return Membership.objects.filter(user=user, team_id=team_id).values_list("role", flat=True).first()


def is_team_owner(user: User, team_id: int | None) -> bool:
    """Whether the person may decide for the team."""
    return role_in(user, team_id) == Membership.Role.OWNER


def owned_teams(user: User) -> frozenset[int]:
    """The keys of the teams that the person may decide for."""
    mine = Membership.objects.filter(user=user, role=Membership.Role.OWNER)
    return frozenset(mine.values_list("team_id", flat=True))


def may_write(user: User, team_id: int | None) -> bool:
    """Whether the person may add to what the team has, or change it."""
    return role_in(user, team_id) in Membership.WRITERS


def writable_teams(user: User) -> QuerySet[Team]:
    """Teams that the person may add to, their personal one first."""
    mine = Membership.objects.filter(user=user, role__in=Membership.WRITERS).values("team_id")
    return Team.objects.filter(pk__in=mine).order_by(F("personal_of").desc(nulls_last=True), "name")


def user_named(username: str) -> User | None:
    return User.objects.filter(username=username).first()


def team_of(user: User, slug: str) -> Team | None:
    """A team that the person is in, or None: absent and forbidden are one answer, for the operator too."""
    return user.teams.filter(slug=slug).first()


def members_of(team: Team) -> QuerySet[Membership]:
    """Owners first, then by name."""
    first = Case(
        When(role=Membership.Role.OWNER, then=0), When(role=Membership.Role.MEMBER, then=1), default=2
    )
    return Membership.objects.filter(team=team).select_related("user").order_by(first, "user__username")


def audit_list(user: User) -> QuerySet[AuditEntry]:
    """What concerns the teams that the person owns, and what they did where they still are or by themselves.

    The operator reads beside that what concerns no team: accounts, sign-ins, links. Newest first.
    """
    rows = AuditEntry.objects.select_related("actor", "team").order_by("-at", "-pk")
    mine = Membership.objects.filter(user=user)
    owned = mine.filter(role=Membership.Role.OWNER).values("team_id")
    # Someone who has left a team no longer sees what it is called now, not even beside their own deeds.
    own_deeds = Q(actor=user) & (Q(team=None) | Q(team_id__in=mine.values("team_id")))
    seen = own_deeds | Q(team_id__in=owned)
    return rows.filter(seen | Q(team=None) if user.is_superuser else seen)


def filtered_audit(
    rows: QuerySet[AuditEntry], *, actor: str = "", action: str = "", team: str = "",
    since: date | None = None, until: date | None = None,
) -> QuerySet[AuditEntry]:  # fmt: skip
    """Of these entries those by one person, of one kind, of one team (its slug), in these days (UTC, inclusive)."""
    chosen = {"actor__username": actor, "action": action, "team__slug": team, "at__date__gte": since}
    chosen["at__date__lte"] = until
    return rows.filter(**{name: value for name, value in chosen.items() if value})


def open_reset_link(secret: str) -> User | None:
    """Whose password this secret may set; looking does not use it up."""
    link = (
        LoginLink.objects.select_related("user")
        .filter(digest=digest_of(secret), purpose=LoginLink.Purpose.PASSWORD, used_at=None)
        .filter(expires_at__gt=timezone.now(), user__is_active=True)
        .first()
    )
    return link.user if link is not None else None


def people_list() -> QuerySet[User]:
    """Everybody with an account, by name; the operator's to read."""
    return User.objects.order_by("username")
