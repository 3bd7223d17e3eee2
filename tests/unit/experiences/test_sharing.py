"""Who may see an experience is changed by those whom it belongs to, and leaves a trace."""

from __future__ import annotations

from uuid import UUID

import pytest

from knowledgebase.accounts.models import AuditEntry
from knowledgebase.core.errors import Problem
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences, share_experience

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(owner, record):
    sent = record()
    record_experiences([sent], owner=owner.user, team=owner.team)
    return UUID(sent["id"])


def test_sharing_is_a_change_and_is_audited(owner, stranger, stored):
    share_experience(stored, "public", actor=owner.user)
    row = Experience.objects.visible_to(stranger.user).get()
    assert (row.visibility, row.change_seq) == ("public", 2)
    entry = AuditEntry.objects.filter(action="experience.share").get()
    assert (entry.actor, entry.facts) == (owner.user, {"before": "team", "after": "public"})


def test_sharing_again_is_no_change(owner, stored):
    share_experience(stored, "team", actor=owner.user)
    assert Experience.objects.get().change_seq == 1


@pytest.mark.parametrize(("who", "status"), [("mate", 403), ("stranger", 404)])
def test_others_cannot(request, stored, who, status):
    person = request.getfixturevalue(who)
    with pytest.raises(Problem) as refused:
        share_experience(stored, "public", actor=person.user)
    assert refused.value.status == status
    assert Experience.objects.get().visibility == "team"


def test_an_unknown_visibility_is_named(owner, stored):
    with pytest.raises(Problem, match="everybody"):
        share_experience(stored, "everybody", actor=owner.user)
