"""Runs that have not ended: said at the start, repeated as heartbeat, given up after a long silence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from tunelore import record as records

from knowledgebase.accounts.models import Team, User
from knowledgebase.core.errors import FieldError, Problem
from knowledgebase.experiences.models import Experience, Run, Tombstone
from knowledgebase.experiences.services.recording import narrower, record_experiences

Visibility = Experience.Visibility
EXPIRE_AT_ONCE = 200


def note_run(partial: object, *, owner: User, team: Team, visibility: str | None = None) -> bool:
    """Write down that a run lives; True when it is new. A run that has ended is not woken up again.

    `visibility`: who may see that it goes on; the team where nothing is said. Said again with another one, the
    narrower holds. Problem 422 for what is no run, 409 for a run of somebody else, 410 for a deleted one.
    """
    problems = records.check_run(partial)
    if problems or not isinstance(partial, Mapping):
        fields = [FieldError(problem.pointer, problem.message) for problem in problems]
        detail = "; ".join(f"{field.pointer or 'run'}: {field.message}" for field in fields[:5])
        raise Problem(422, "invalid_run", "Not a valid run", detail, fields)
    pk, now = UUID(partial["id"]), timezone.now()
    if Tombstone.objects.filter(pk=pk).exists():
        raise Problem(410, "deleted", "Deleted", f"run {pk} was deleted and stays so")
    with transaction.atomic():
        ended = Experience.objects.filter(pk=pk).values_list("provisional", flat=True).first()
        if ended is False:
            return False
        values = {"partial": dict(partial), "last_seen_at": now}
        first = {"owner": owner, "team": team, "started_at": now, "visibility": visibility or Visibility.TEAM}
        run, is_new = Run.objects.get_or_create(pk=pk, defaults={**values, **first})
        if run.owner_id != owner.pk:
            raise Problem(
                409, "other_owner", "Run of somebody else", f"run {pk} was started by somebody else"
            )
        if not is_new:
            seen = narrower(run.visibility, visibility or run.visibility)
            Run.objects.filter(pk=pk).update(**values, visibility=seen)
    return is_new


def expire_silent_runs() -> int:
    """Runs that said nothing for RUN_SILENCE_SECONDS become provisional experiences: killed, cause lost."""
    silent = timezone.now() - timedelta(seconds=settings.RUN_SILENCE_SECONDS)
    runs = Run.objects.filter(last_seen_at__lt=silent).select_related("owner", "team")[:EXPIRE_AT_ONCE]
    expired = 0
    for run in runs:
        with transaction.atomic():
            [result] = record_experiences(
                [_lost(run)], owner=run.owner, team=run.team, visibility=run.visibility, provisional=True
            )
            # Whatever the store answers, this run is over: a refused one must not be tried for ever.
            Run.objects.filter(pk=run.pk).delete()
        expired += result.status == 201
    return expired


def _lost(run: Run) -> dict[str, Any]:
    return {
        **run.partial,
        "finished_at": None,
        "outcome": {"status": "killed", "cause": "lost"},
        "primary": None,
    }
