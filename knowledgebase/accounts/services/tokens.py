"""Writes about API tokens. The text of a token is returned once and never kept."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from knowledgebase.accounts.models import SCOPES, ApiToken, Team, User
from knowledgebase.accounts.selectors import digest_of
from knowledgebase.accounts.services.auditing import audit
from knowledgebase.accounts.services.people import personal_team
from knowledgebase.core.errors import Problem

OPERATORS = ("federation", "admin")
TOKEN_PREFIX = "tl_"  # noqa: S105 - the mark of every token, not a secret


def require_offered(user: User, scopes: Iterable[str]) -> None:
    """Problem 422 for a scope that this person may not hand out: what reaches beyond their own records."""
    if refused := [scope for scope in scopes if scope in OPERATORS and not user.is_superuser]:
        detail = f"only the operator gives a token the scope {refused[0]!r}"
        raise Problem(422, "scope_refused", "Scope refused", detail)


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
    audit(user, "token.create", token.prefix, concerns=token.team, scopes=asked)
    return token, text


def revoke_token(token: ApiToken, *, actor: User) -> None:
    """End a token now; again is harmless."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        audit(actor, "token.revoke", token.prefix, concerns=token.team)
