"""Pages of what runs: when they change, what is read aloud, and that they say so where nothing polls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from knowledgebase.searches import selectors
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.pages.searches import version

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def search(owner):
    """One trial of three has ended after 100 seconds, one runs since then."""
    dataset = Dataset.objects.create(
        owner=owner.user, team=owner.team, source="builtin", name="open", state="ready",
        fingerprint="rows-sha256:" + "2" * 64,
    )  # fmt: skip
    made = Search.objects.create(
        owner=owner.user, team=owner.team, dataset=dataset, title="one that runs", objectives=["score"],
        budget_trials=3, slots=1, wall_s=600.0, state="running", started_at=START, sampler="process",
    )  # fmt: skip
    then = START + timedelta(seconds=100)
    Trial.objects.create(
        search=made, number=1, method="linear", state="done", status="ok", score=0.5, seconds=90.0,
        started_at=START, finished_at=then,
    )  # fmt: skip
    Trial.objects.create(
        search=made, number=2, method="lora", state="running", attempt=1, started_at=then, lease_until=then
    )
    return made


def test_a_time_left_that_has_moved_is_another_page(search):
    def at(seconds):
        report = selectors.search_report(search, now=START + timedelta(seconds=100 + seconds))
        return report.time_left_s, version(report)

    assert at(0)[0] == 200.0
    assert at(60)[0] == 140.0
    assert at(60)[1] != at(0)[1]
    assert at(1)[1] == at(0)[1], "of a second in minutes nobody is told"
    assert at(95)[1] != at(85)[1]


def test_what_is_read_aloud_stands_outside_of_what_is_replaced(owner, search):
    page = owner.pages.get(f"/searches/{search.pk}/").content.decode()
    said = '<p class="vh" role="status" id="live-status">1 of 3 trials done.</p>'
    assert page.count(said) == 1
    assert page.index(said) < page.index('<div id="live"')
    part = owner.pages.get(f"/searches/{search.pk}/live/").content.decode()
    assert 'data-status="1 of 3 trials done."' in part
    assert 'role="status"' not in part
    Search.objects.filter(pk=search.pk).update(state="cancelled", ended_at=START + timedelta(seconds=101))
    part = owner.pages.get(f"/searches/{search.pk}/live/").content.decode()
    assert 'data-status="1 of 3 trials done. The search has ended: cancelled."' in part


def test_a_running_trial_says_how_to_see_its_progress_and_is_asked_again(owner, search):
    address = f"/searches/{search.pk}/trials/2/"
    page = owner.pages.get(address)
    text = page.content.decode()
    assert f'data-live="{address}"' in text
    assert "live.js" in text
    assert '<p class="note" id="reload">Reload the page to see its progress.</p>' in text
    version = page.context["page"].version
    assert owner.pages.get(address, {"version": version}).status_code == 204
    Trial.objects.filter(search=search, number=2).update(progress={"phase": "train", "step": 40})
    fresh = owner.pages.get(address, {"version": version})
    assert "now in train, step 40" in fresh.content.decode()
    Trial.objects.filter(search=search, number=2).update(
        state="done",
        status="oom",
        phase="train",
        lease_until=None,
        finished_at=START + timedelta(seconds=130),
    )
    ended = owner.pages.get(address, {"version": fresh.context["page"].version}).content.decode()
    assert 'data-status="Trial 2: oom."' in ended
    for word in ("data-live", "live.js", "Reload the page"):
        assert word not in ended
