"""Deletion is real, and leaves a tombstone so that the same record does not come back."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from knowledgebase.accounts.models import User
from knowledgebase.accounts.selectors import is_team_owner
from knowledgebase.accounts.services import audit
from knowledgebase.core.errors import Problem, not_found
from knowledgebase.experiences.models import Experience, Tombstone
from knowledgebase.experiences.services.changes import lock_changes, take


def delete_experience(pk: UUID, *, actor: User, reason: str = "") -> None:
    """Remove one experience. Its owner, the team's owners and administrators may; Problem 404 or 403 else."""
    with transaction.atomic():
        counter = lock_changes()
        row = Experience.objects.visible_to(actor).filter(pk=pk).first()
        if row is None:
            raise not_found("experience", pk)
        if not (actor.is_superuser or row.owner_id == actor.pk or is_team_owner(actor, row.team_id)):
            raise Problem(403, "not_yours", "Not yours", f"experience {pk} belongs to somebody else")
        [number] = take(counter, 1)
        Tombstone.objects.create(
            pk=pk, deleted_by=actor, team_id=row.team_id, reason=reason[:200], change_seq=number
        )
        row.delete()
        audit(actor, "experience.delete", pk, reason=reason[:200])
