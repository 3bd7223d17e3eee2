"""How the store grew, by day while it is young and by week afterwards."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.selectors import growth
from knowledgebase.experiences.services import record_experiences

pytestmark = pytest.mark.django_db


@pytest.fixture
def aged(owner, record, failed_record):
    """One experience so many days old; failed where asked."""

    def make(days, failed=False):
        [result] = record_experiences(
            [failed_record("oom") if failed else record()], owner=owner.user, team=owner.team
        )
        assert result.problem is None
        newest = Experience.objects.order_by("-change_seq").first()
        Experience.objects.filter(pk=newest.pk).update(received_at=timezone.now() - timedelta(days=days))

    return make


def test_nothing_is_no_growth(owner):
    assert growth(owner.user) == ("day", [])


def test_a_young_store_by_day_without_gaps(owner, stranger, aged):
    for days, failed in ((3, False), (3, True), (0, False)):
        aged(days, failed)
    today = timezone.now().date()
    period, found = growth(owner.user)
    assert period == "day"
    assert found == [
        (today - timedelta(days=3), 1, 0, 1),
        (today - timedelta(days=2), 0, 0, 0),
        (today - timedelta(days=1), 0, 0, 0),
        (today, 1, 0, 0),
    ]
    assert growth(stranger.user) == ("day", [])


def test_an_old_store_by_week_and_no_further_back_than_half_a_year(owner, aged):
    for days in (400, 60, 0):
        aged(days)
    period, found = growth(owner.user)
    assert period == "week"
    assert sum(ok for _, ok, _, _ in found) == 2
    assert all(first.weekday() == 0 for first, *_ in found)
    assert found[-1][0] <= timezone.now().date() <= found[-1][0] + timedelta(days=6)
    assert isinstance(found[0][0], date)
