"""Reads about people. The one write, a token's last use, belongs to reading it."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.utils import timezone

from knowledgebase.accounts.models import ApiToken, Membership, User

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
