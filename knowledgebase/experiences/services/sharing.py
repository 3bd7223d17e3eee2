"""Who may see an experience: changed by those whom it belongs to, and noted as a change for peers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db import transaction

from knowledgebase.accounts.models import User
from knowledgebase.accounts.selectors import is_team_owner, owned_teams
from knowledgebase.accounts.services import audit
from knowledgebase.core.errors import FieldError, Problem, invalid, not_found
from knowledgebase.experiences.models import ChangeCounter, Experience
from knowledgebase.experiences.services.changes import lock_changes, take
from knowledgebase.experiences.services.descriptions import describe_again


def own_experience(pk: UUID, actor: User) -> Experience:
    """The row, for its owner, an owner of its team or an administrator.

    Problem 404 for what the actor may not even see, 403 for what belongs to somebody else.
    """
    row = Experience.objects.visible_to(actor).filter(pk=pk).first()
    if row is None:
        raise not_found("experience", pk)
    if not may_share(row, actor):
        raise Problem(403, "not_yours", "Not yours", f"experience {pk} belongs to somebody else")
    return row


def own_experiences(pks: Sequence[UUID], actor: User) -> list[Experience]:
    """Those of these that `own_experience` would give, in the order given, in two queries however many they are."""
    known = ("owner", "team", "task", "task_description")
    rows = Experience.objects.visible_to(actor).select_related(*known).in_bulk(pks)
    decides = owned_teams(actor)
    return [rows[pk] for pk in pks if pk in rows and may_share(rows[pk], actor, decides)]


def may_share(row: Experience, actor: User, decides: Collection[int] | None = None) -> bool:
    """Whether the actor decides who sees this row, which they may see themselves.

    `decides`: the teams that the actor owns, where they were looked up for many rows at once.
    """
    if actor.is_superuser or row.owner_id == actor.pk:
        return True
    return is_team_owner(actor, row.team_id) if decides is None else row.team_id in decides


def known_visibility(text: object) -> str:
    """One of private, team, hub, public; Problem 422 for anything else."""
    if text not in Experience.Visibility.values:
        choices = ", ".join(Experience.Visibility.values)
        raise invalid("visibility", f"{str(text)[:40]!r} is none; choose from {choices}")
    return str(text)


def sendable_visibility(text: object) -> str:
    """Who may see what is being sent: private or team; Problem 422 for more, which nobody has looked at yet."""
    wanted = known_visibility(text)
    if is_wider(wanted, than=Experience.Visibility.TEAM):
        detail = (
            f"what is sent is for its team at most, and {wanted!r} shows it to more people. Send it without, look at "
            f"what they would read, GET /api/v1/experiences/<id>/publication/?visibility={wanted}, and POST the "
            "`shown` of that answer to the same address"
        )
        fields = [FieldError("visibility", detail)]
        raise Problem(422, "publishing_is_explicit", "Publishing is a step of its own", detail, fields)
    return wanted


def narrow_experience(pk: UUID, visibility: object, *, actor: User) -> None:
    """Let fewer people see it. Again is harmless; a change takes a new change number.

    Problem 409 for more people: those are let in by publishing, which shows first what they would read.
    """
    wanted = known_visibility(visibility)
    with transaction.atomic():
        counter = lock_changes()
        row = own_experience(pk, actor)
        if is_wider(wanted, than=row.visibility):
            look = f"/api/v1/experiences/{pk}/publication/?visibility={wanted}"
            detail = (
                f"experience {pk} is visible as {row.visibility!r}, and {wanted!r} shows it to more people. Look at "
                f"what they would read, GET {look}, and POST the `shown` of that answer to the same address"
            )
            raise Problem(409, "widening_is_publishing", "Shows it to more people", detail)
        change_visibility(row, wanted, counter, actor=actor, action="experience.share")


def is_wider(visibility: str, *, than: str) -> bool:
    """Whether more people see what is visible in the one way than in the other."""
    return Experience.Visibility(visibility).width > Experience.Visibility(than).width


def change_visibility(
    row: Experience, wanted: str, counter: ChangeCounter, *, actor: User, action: str
) -> None:
    """One step of a transaction that holds the change lock; nothing where it is so already."""
    if row.visibility == wanted:
        return
    [number] = take(counter, 1)
    Experience.objects.filter(pk=row.pk).update(visibility=wanted, change_seq=number)
    audit(actor, action, row.pk, concerns=row.team, before=row.visibility, after=wanted)
    row.visibility = wanted
    describe_again(row)
