"""Deletion is real, and leaves a tombstone so that the same record does not come back.

With the last experience that speaks of a task, pipeline, system or language model these go too.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import audit
from knowledgebase.experiences.models import Tombstone
from knowledgebase.experiences.services.changes import lock_changes, take
from knowledgebase.experiences.services.forgetting import forget_unused
from knowledgebase.experiences.services.sharing import own_experience


def delete_experience(pk: UUID, *, actor: User, reason: str = "") -> None:
    """Remove one experience. Its owner, the team's owners and administrators may; Problem 404 or 403 else."""
    with transaction.atomic():
        counter = lock_changes()
        row = own_experience(pk, actor)
        [number] = take(counter, 1)
        Tombstone.objects.create(
            pk=pk, deleted_by=actor, team_id=row.team_id, reason=reason[:200], change_seq=number
        )
        row.delete()
        forget_unused(row)
        audit(actor, "experience.delete", pk, concerns=row.team, reason=reason[:200])
