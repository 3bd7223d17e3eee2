"""Writes about teams: members, roles, invitations. The last owner of a team stays."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from knowledgebase.accounts.models import ApiToken, Invitation, Membership, Team, User
from knowledgebase.accounts.selectors import digest_of, is_team_owner, may_write
from knowledgebase.accounts.services.auditing import audit
from knowledgebase.accounts.services.tokens import revoke_token
from knowledgebase.core.errors import Problem, not_found

INVITATION_LIFE = timedelta(days=7)


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
    audit(owner, "team.create", slug, concerns=team)
    return team


def add_member(team: Team, user: User, *, actor: User, role: str = Membership.Role.MEMBER) -> None:
    """Put a person into a team; again is harmless."""
    _, is_new = Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
    if is_new:
        audit(actor, "team.add", team.slug, concerns=team, user=user.username, role=str(role))


def change_role(team: Team, user: User, role: str, *, actor: User) -> None:
    """Give a member another role. Problem 403, 404, 409 or 422."""
    _may_decide(team, actor)
    if role not in Membership.Role.values:
        detail = f"role {role!r} does not exist; choose from {', '.join(Membership.Role.values)}"
        raise Problem(422, "unknown_role", "Unknown role", detail)
    with transaction.atomic():
        membership = _membership(team, user)
        if membership.role == role:
            return
        _keep_an_owner(team, membership)
        membership.role = role
        membership.save(update_fields=["role"])
        audit(actor, "team.role", team.slug, concerns=team, user=user.username, role=role)


def remove_member(team: Team, user: User, *, actor: User) -> None:
    """Take a person out of a team, and end their tokens for it. What they sent stays the team's."""
    if actor.pk != user.pk:
        _may_decide(team, actor)
    if team.personal_of_id is not None:
        raise Problem(409, "personal_team", "Personal team", "nobody leaves their personal team")
    with transaction.atomic():
        membership = _membership(team, user)
        _keep_an_owner(team, membership)
        membership.delete()
        for token in ApiToken.objects.filter(owner=user, team=team, revoked_at=None):
            revoke_token(token, actor=actor)
        audit(actor, "team.remove", team.slug, concerns=team, user=user.username)


def invite(team: Team, *, actor: User, role: str = Membership.Role.MEMBER) -> str:
    """The path of a link by which one person may join within a week; its secret is not kept."""
    _may_decide(team, actor)
    if team.personal_of_id is not None:
        raise Problem(
            409, "personal_team", "Personal team", "a personal team has one member; make a team first"
        )
    if role not in Membership.Role.values:
        detail = f"role {role!r} does not exist; choose from {', '.join(Membership.Role.values)}"
        raise Problem(422, "unknown_role", "Unknown role", detail)
    secret = secrets.token_urlsafe(32)
    expires = timezone.now() + INVITATION_LIFE
    Invitation.objects.create(
        digest=digest_of(secret), team=team, role=role, invited_by=actor, expires_at=expires
    )
    audit(actor, "team.invite", team.slug, concerns=team, role=role)
    return f"/accounts/invitations/{secret}/"


def withdraw_invitations(team: Team, *, actor: User) -> int:
    """End every open invitation of a team; how many there were."""
    _may_decide(team, actor)
    count = Invitation.objects.filter(team=team, used_at=None).delete()[0]
    if count:
        audit(actor, "team.withdraw_invitations", team.slug, concerns=team, count=count)
    return count


def invitation_of(secret: str) -> Invitation | None:
    """The open invitation of this link; None for used, old, withdrawn and unknown ones alike."""
    found = Invitation.objects.select_related("team", "invited_by").filter(digest=digest_of(secret)).first()
    return found if found is not None and found.is_open else None


@transaction.atomic
def accept_invitation(secret: str, user: User) -> Team:
    """Join; of two racing uses of one link one wins. Problem 410 for a link that is not open."""
    invitation = invitation_of(secret)
    used = invitation and Invitation.objects.filter(
        pk=invitation.pk, used_at=None, expires_at__gt=timezone.now()
    ).update(used_at=timezone.now())
    if invitation is None or not used:
        detail = "the invitation was used, withdrawn or is too old; ask for a new one"
        raise Problem(410, "invitation_over", "Invitation over", detail)
    add_member(invitation.team, user, actor=invitation.invited_by, role=invitation.role)
    return invitation.team


def require_writer(actor: User, team_id: int | None, what: str) -> None:
    """Problem 403 for people who may only read in this team; `what` says what they wanted."""
    if not may_write(actor, team_id):
        detail = f"you may only read here, not {what}; an owner of the team can make you a member"
        raise Problem(403, "read_only", "Read only", detail)


def _may_decide(team: Team, actor: User) -> None:
    if not (actor.is_superuser or is_team_owner(actor, team.pk)):
        raise Problem(403, "not_owner", "Not an owner", f"only an owner of {team.name} may do this")


def _membership(team: Team, user: User) -> Membership:
    found = Membership.objects.select_for_update().filter(team=team, user=user).first()
    if found is None:
        raise not_found("member", user.username)
    return found


def _keep_an_owner(team: Team, leaving: Membership) -> None:
    if leaving.role != Membership.Role.OWNER:
        return
    owners = Membership.objects.select_for_update().filter(team=team, role=Membership.Role.OWNER)
    if len(owners) < 2:
        detail = f"{leaving.user} is the last owner of {team.name}; make somebody else an owner first"
        raise Problem(409, "last_owner", "Last owner", detail)
