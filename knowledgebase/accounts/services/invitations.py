"""Invitations: a link that brings one person into one team, shown once, for a week, stored as its hash."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from knowledgebase.accounts.models import Invitation, Membership, Team, User
from knowledgebase.accounts.selectors import digest_of, open_invitation
from knowledgebase.accounts.services.audit import audit
from knowledgebase.accounts.services.people import register_user
from knowledgebase.accounts.services.teams import add_member, require_owner
from knowledgebase.core.errors import Problem, not_found

INVITATION_LIFE = timedelta(days=7)


def invite(team: Team, role: str, *, actor: User, note: str = "") -> tuple[Invitation, str]:
    """An invitation and the path of its link, which is not kept. Only owners; never to a personal team."""
    require_owner(actor, team)
    if team.personal_of_id is not None:
        detail = "a personal team stays with one person; make a team to share with others"
        raise Problem(409, "personal_team", "Personal team", detail)
    if role not in Membership.Role.values:
        choices = ", ".join(Membership.Role.values)
        raise Problem(422, "unknown_role", "Unknown role", f"{role[:40]!r} is no role; choose from {choices}")
    secret = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        team=team,
        role=role,
        digest=digest_of(secret),
        note=note[:100],
        made_by=actor,
        expires_at=timezone.now() + INVITATION_LIFE,
    )
    audit(actor, "invitation.create", invitation.pk, team=team, role=role, note=note[:100])
    return invitation, f"/accounts/invitation/{secret}/"


def revoke_invitation(team: Team, invitation_id: int, *, actor: User) -> None:
    """End an invitation that nobody has used; again is harmless."""
    require_owner(actor, team)
    open_ones = Invitation.objects.filter(pk=invitation_id, team=team, used_at=None)
    if not open_ones.exists():
        raise not_found("invitation", invitation_id)
    if open_ones.filter(revoked_at=None).update(revoked_at=timezone.now()):
        audit(actor, "invitation.revoke", invitation_id, team=team)


@transaction.atomic
def accept_invitation(
    secret: str, user: User | None = None, *, username: str = "", password: str = "", email: str = ""
) -> User:
    """Join by a link, as `user` or as somebody new. Of two racing uses one wins; Problem 410 for the other.

    A new account is made only together with the membership: a link that is used up makes none.
    """
    invitation = open_invitation(secret)
    if invitation is None:
        raise _used_up()
    joining = user or register_user(username, password, email)
    now = timezone.now()
    taken = Invitation.objects.filter(
        pk=invitation.pk, used_at=None, revoked_at=None, expires_at__gt=now
    ).update(used_at=now, used_by=joining)
    if not taken:
        raise _used_up()
    add_member(invitation.team, joining, actor=joining, role=invitation.role)
    return joining


def _used_up() -> Problem:
    detail = "this invitation was used, revoked, is older than a week, or was never made; ask for a new one"
    return Problem(410, "invitation_gone", "Invitation gone", detail)
