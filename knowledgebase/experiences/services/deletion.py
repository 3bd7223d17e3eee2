"""Deletion is real, and leaves a tombstone so that the same record does not come back.

With the last experience that speaks of a task, pipeline, system or language model these go too.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import audit
from knowledgebase.core.errors import Problem
from knowledgebase.experiences.models import ChangeCounter, Experience, Tombstone
from knowledgebase.experiences.services.changes import lock_changes, take
from knowledgebase.experiences.services.forgetting import forget_unused
from knowledgebase.experiences.services.sharing import own_experience, own_experiences


def delete_experience(pk: UUID, *, actor: User, reason: str = "") -> None:
    """Remove one experience. Its owner, the team's owners and administrators may; Problem 404 or 403 else."""
    with transaction.atomic():
        counter = lock_changes()
        _remove([own_experience(pk, actor)], counter, actor, reason)


def delete_experiences(pks: Sequence[UUID], *, actor: User, reason: str = "") -> int:
    """Remove those of these that the actor sees, each with its tombstone; how many there were.

    Problem 403, and nothing is changed, when one that they see belongs to somebody else.
    """
    with transaction.atomic():
        counter = lock_changes()
        rows = own_experiences(pks, actor)
        seen = Experience.objects.visible_to(actor).filter(pk__among=list(pks)).count()
        if len(rows) < seen:
            detail = f"{seen - len(rows)} of {seen} experiences belong to somebody else; none was deleted"
            raise Problem(403, "not_yours", "Not yours", detail)
        if rows:
            _remove(rows, counter, actor, reason)
    return len(rows)


def _remove(rows: Sequence[Experience], counter: ChangeCounter, actor: User, reason: str) -> None:
    reason, gone = reason[:200], [row.pk for row in rows]
    Tombstone.objects.bulk_create(
        Tombstone(pk=row.pk, deleted_by=actor, team_id=row.team_id, reason=reason, change_seq=number)
        for row, number in zip(rows, take(counter, len(rows)), strict=True)
    )
    Experience.objects.filter(pk__among=gone).delete()
    forget_unused(*rows)
    for row in rows:
        audit(actor, "experience.delete", row.pk, concerns=row.team, reason=reason)
