"""Who changed what and when: one row a change, never a secret among the facts."""

from __future__ import annotations

from knowledgebase.accounts.models import AuditEntry, Team, User


def audit(
    actor: User | None, action: str, target: object = "", *, concerns: Team | None = None, **facts: object
) -> None:
    """Write down who did what; `concerns` is the team whose owners may read it, beside the actor."""
    AuditEntry.objects.create(
        actor=actor, team=concerns, action=action, target=str(target)[:200], facts=facts
    )
