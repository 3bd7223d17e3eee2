"""Teams and who is in them. Owners decide; a team never loses its last owner.

It knows nothing of what a team owns. Start from `invite` in the module beside it for how people come in.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from knowledgebase.accounts.models import ApiToken, Membership, Team, User
from knowledgebase.accounts.selectors import is_team_owner, role_in
from knowledgebase.accounts.services.audit import audit
from knowledgebase.core.errors import Problem, not_found


@transaction.atomic
def create_team(name: str, *, owner: User) -> Team:
    """A team with its first owner. Problem 409 when the name is taken."""
    slug = slugify(name)[:150]
    if not slug or Team.objects.filter(slug=slug).exists():
        raise Problem(
            409, "team_exists", "Team exists", f"there is a team called {name!r}; choose another name"
        )
    team = Team.objects.create(slug=slug, name=name.strip())
    Membership.objects.create(team=team, user=owner, role=Membership.Role.OWNER)
    audit(owner, "team.create", slug, team=team)
    return team


def add_member(team: Team, user: User, *, actor: User, role: str = Membership.Role.MEMBER) -> None:
    """Put a person into a team; again is harmless."""
    _, is_new = Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
    if is_new:
        audit(actor, "team.add", user.username, team=team, role=str(role))


@transaction.atomic
def change_role(team: Team, user_id: int, role: str, *, actor: User) -> Membership:
    """Give a member another role. Problem 404 or 403 for who may not, 409 for the last owner."""
    require_owner(actor, team)
    membership = _locked(team, user_id)
    if role not in Membership.Role.values:
        choices = ", ".join(Membership.Role.values)
        raise Problem(422, "unknown_role", "Unknown role", f"{role[:40]!r} is no role; choose from {choices}")
    if membership.role == role:
        return membership
    _keep_an_owner(team, membership)
    before, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    audit(actor, "team.role", membership.user.username, team=team, before=before, after=role)
    return membership


@transaction.atomic
def remove_member(team: Team, user_id: int, *, actor: User) -> User:
    """Take somebody out of a team, oneself included; their tokens for it end. Problem as in `change_role`."""
    if actor.pk != user_id:
        require_owner(actor, team)
    elif role_in(actor, team.pk) is None:
        raise not_found("team", team.slug)
    membership = _locked(team, user_id)
    if team.personal_of_id == user_id:
        raise Problem(409, "personal_team", "Personal team", "nobody can leave their personal team")
    _keep_an_owner(team, membership)
    membership.delete()
    ApiToken.objects.filter(owner_id=user_id, team=team, revoked_at=None).update(revoked_at=timezone.now())
    audit(actor, "team.remove", membership.user.username, team=team, role=membership.role)
    return membership.user


def require_owner(actor: User, team: Team) -> None:
    """Problem 404 for those who are not in the team, 403 for those who are and do not own it."""
    if is_team_owner(actor, team.pk):
        return
    role = role_in(actor, team.pk)
    if role is None:
        raise not_found("team", team.slug)
    raise Problem(403, "not_owner", "Not an owner", f"you are {role} of {team.name}; its owners decide this")


def require_writer(actor: User, team_id: int | None, what: str) -> None:
    """Problem 403 for people who may only read in this team; `what` says what they wanted."""
    if role_in(actor, team_id) not in Membership.WRITERS:
        detail = f"you may read here, not {what}; ask an owner of the team for the role member"
        raise Problem(403, "read_only", "Read only", detail)


def _locked(team: Team, user_id: int) -> Membership:
    """The membership, under a lock on all of the team's, so that two owners cannot remove each other at once."""
    rows = list(Membership.objects.select_for_update(of=("self",)).filter(team=team).select_related("user"))
    membership = next((row for row in rows if row.user_id == user_id), None)
    if membership is None:
        raise not_found("member", user_id)
    return membership


def _keep_an_owner(team: Team, leaving: Membership) -> None:
    if leaving.role != Membership.Role.OWNER:
        return
    others = Membership.objects.filter(team=team, role=Membership.Role.OWNER).exclude(pk=leaving.pk)
    if not others.exists():
        detail = f"{leaving.user.username} is the last owner of {team.name}; make somebody else an owner first"
        raise Problem(409, "last_owner", "Last owner", detail)
