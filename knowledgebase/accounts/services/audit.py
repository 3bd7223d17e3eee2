"""Writes down who did what. It knows nothing of who may read it."""

from __future__ import annotations

from knowledgebase.accounts.models import AuditEntry, Team, User


def audit(
    actor: User | None,
    action: str,
    target: object = "",
    *,
    team: Team | None = None,
    team_id: int | None = None,
    **facts: object,
) -> None:
    """One entry, in the log of a team or, without one, in the operator's. Never a secret among the facts."""
    AuditEntry.objects.create(
        actor=actor,
        action=action,
        target=str(target)[:200],
        team_id=team.pk if team is not None else team_id,
        facts=facts,
    )
