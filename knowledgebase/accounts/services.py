"""Writes about people: accounts, teams, tokens, sign-in links, audit.

It knows nothing of HTTP. A secret is returned once, as text, by the function that made it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from knowledgebase.accounts.models import SCOPES, ApiToken, AuditEntry, LoginLink, Membership, Team, User
from knowledgebase.accounts.selectors import digest_of
from knowledgebase.core.errors import Problem

TOKEN_PREFIX = "tl_"  # noqa: S105 - the mark of every token, not a secret
LINK_LIFE = timedelta(hours=24)
ADMINISTRATOR = "admin"


def audit(actor: User | None, action: str, target: object = "", **facts: object) -> None:
    """Write down who did what; never a secret among the facts."""
    AuditEntry.objects.create(actor=actor, action=action, target=str(target)[:200], facts=facts)


@transaction.atomic
def create_user(username: str, *, password: str | None = None, is_superuser: bool = False) -> User:
    """A person with a personal team. Without a password they sign in by link only."""
    user = User(username=username, is_superuser=is_superuser, is_staff=is_superuser)
    if password:
        user.set_password(password)
    else:
        user.set_unusable_password()
    user.save()
    personal_team(user)
    audit(None, "user.create", username)
    return user


@transaction.atomic
def personal_team(user: User) -> Team:
    """The team that a person's records belong to when they name no other; made when it is missing."""
    team = Team.objects.filter(personal_of=user).first()
    if team is None:
        slug = f"{slugify(user.username) or 'user'}-{user.pk}"
        team = Team.objects.create(slug=slug, name=user.username, personal_of=user)
        Membership.objects.create(team=team, user=user, role=Membership.Role.OWNER)
    return team


@transaction.atomic
def create_team(name: str, *, owner: User) -> Team:
    """A team with its first owner. Problem 409 when the name is taken."""
    slug = slugify(name)[:150]
    if not slug or Team.objects.filter(slug=slug).exists():
        raise Problem(
            409, "team_exists", "Team exists", f"there is a team called {name!r}; choose another name"
        )
    team = Team.objects.create(slug=slug, name=name)
    Membership.objects.create(team=team, user=owner, role=Membership.Role.OWNER)
    audit(owner, "team.create", slug)
    return team


def add_member(team: Team, user: User, *, actor: User, role: str = Membership.Role.MEMBER) -> None:
    """Put a person into a team; again is harmless."""
    _, is_new = Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
    if is_new:
        audit(actor, "team.add", team.slug, user=user.username, role=str(role))


def create_token(
    user: User,
    name: str,
    scopes: Iterable[str],
    *,
    team: Team | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """A new token and its text, which is not kept. Problem 422 for a scope that does not exist."""
    asked = sorted(set(scopes))
    if unknown := [scope for scope in asked if scope not in SCOPES]:
        detail = f"scope {unknown[0]!r} does not exist; choose from {', '.join(SCOPES)}"
        raise Problem(422, "unknown_scope", "Unknown scope", detail)
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        prefix=text[:10],
        digest=digest_of(text),
        name=name[:100],
        scopes=asked,
        owner=user,
        team=team or personal_team(user),
        expires_at=expires_at,
    )
    audit(user, "token.create", token.prefix, scopes=asked)
    return token, text


def revoke_token(token: ApiToken, *, actor: User) -> None:
    """End a token now; again is harmless."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        audit(actor, "token.revoke", token.prefix)


def create_login_link(user: User) -> str:
    """The path of a link that signs this person in once, within a day."""
    secret = secrets.token_urlsafe(32)
    LoginLink.objects.create(digest=digest_of(secret), user=user, expires_at=timezone.now() + LINK_LIFE)
    audit(user, "login_link.create", user.username)
    return f"/accounts/login/{secret}/"


def redeem_login_link(secret: str) -> User | None:
    """Who the link signs in; None when it was used, is too old or never was. One of two racing uses wins."""
    now = timezone.now()
    link = LoginLink.objects.select_related("user").filter(digest=digest_of(secret)).first()
    if link is None or not link.user.is_active:
        return None
    used = LoginLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now).update(used_at=now)
    if not used:
        return None
    audit(link.user, "login_link.use", link.user.username)
    return link.user


def ensure_administrator() -> str | None:
    """At the very first start: make the administrator and return the path of a sign-in link; later None."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    return create_login_link(create_user(ADMINISTRATOR, is_superuser=True))
