"""Who may see an experience is changed by those whom it belongs to, and leaves a trace."""

from __future__ import annotations

from uuid import UUID

import pytest

from knowledgebase.accounts.models import AuditEntry
from knowledgebase.core.errors import Problem
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import narrow_experience, record_experiences

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(owner, record):
    sent = record()
    record_experiences([sent], owner=owner.user, team=owner.team)
    return UUID(sent["id"])


def test_taking_back_is_a_change_and_is_audited(owner, mate, stored):
    narrow_experience(stored, "private", actor=owner.user)
    assert not Experience.objects.visible_to(mate.user).exists()
    row = Experience.objects.get()
    assert (row.visibility, row.change_seq) == ("private", 2)
    entry = AuditEntry.objects.filter(action="experience.share").get()
    assert (entry.actor, entry.facts) == (owner.user, {"before": "team", "after": "private"})


def test_sharing_again_is_no_change(owner, stored):
    narrow_experience(stored, "team", actor=owner.user)
    assert Experience.objects.get().change_seq == 1


@pytest.mark.parametrize(("who", "status"), [("mate", 403), ("stranger", 404)])
def test_others_cannot(request, stored, who, status):
    person = request.getfixturevalue(who)
    with pytest.raises(Problem) as refused:
        narrow_experience(stored, "private", actor=person.user)
    assert refused.value.status == status
    assert Experience.objects.get().visibility == "team"


def test_an_unknown_visibility_is_named(owner, stored):
    with pytest.raises(Problem, match="everybody"):
        narrow_experience(stored, "everybody", actor=owner.user)
