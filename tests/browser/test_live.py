"""Pages that keep themselves fresh, in a real browser: where the focus stays, what is read aloud, when asking ends."""

from __future__ import annotations

import pytest
from django.utils import timezone

from knowledgebase.searches.models import Search, Trial

pytestmark = pytest.mark.django_db(transaction=True)
FOCUSED = "document.activeElement.getAttribute('aria-label')"


def end(search):
    Trial.objects.filter(search=search, number=8).update(
        state="done", status="ok", score=0.81, seconds=12.0, lease_until=None, finished_at=timezone.now()
    )
    Search.objects.filter(pk=search.pk).update(state="done", ended_at=timezone.now())


def ended_after(asked, page):
    """Half a minute later nothing was asked beyond these requests."""
    before = len(asked)
    assert before >= 1
    page.clock.run_for(30_000)
    page.evaluate("fetch('/static/live.js').then(answer => answer.text())")  # behind whatever was asked
    assert len(asked) == before


def test_focus_stays_on_its_trial_and_asking_ends_with_the_search(page, search, complaints):
    page.clock.install()
    page.goto(f"/searches/{search.pk}/")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/live/" in request.url else None)
    page.evaluate("window.said = document.getElementById('live-status')")
    page.get_by_role("link", name="Log of trial 5", exact=True).focus()
    Trial.objects.create(search=search, number=12, method="linear", state="queued")
    page.clock.run_for(3_000)
    page.get_by_role("link", name="Log of trial 12", exact=True).wait_for()
    assert page.evaluate(FOCUSED) == "Log of trial 5"

    page.get_by_role("button", name="Cancel").focus()
    end(search)
    page.clock.run_for(3_000)
    page.get_by_role("link", name="Best pipeline as script").wait_for()
    # The button is gone: the focus goes to what it stood in, not to something else that it would press.
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.evaluate("said.isConnected && said.textContent").endswith("The search has ended: done.")

    ended_after(asked, page)
    assert complaints == []


def test_a_running_trial_changes_before_ones_eyes_until_it_has_ended(page, search, complaints):
    page.clock.install()
    page.goto(f"/searches/{search.pk}/trials/8/")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "version=" in request.url else None)
    assert page.get_by_text("Reload the page").count() == 0
    page.get_by_role("link", name="As script").focus()
    Trial.objects.filter(search=search, number=8).update(progress={"phase": "train", "step": 48})
    page.clock.run_for(3_000)
    page.get_by_text("now in train, step 48").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "As script"
    end(search)
    page.clock.run_for(3_000)
    page.get_by_text("ended: ok").wait_for()
    assert page.evaluate("document.getElementById('live-status').textContent") == "Trial 8: ok."
    ended_after(asked, page)
    assert complaints == []
