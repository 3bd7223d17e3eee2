"""The main journeys with clicks, in a real browser, and what a person would see: nothing broken, nothing cut off."""

from __future__ import annotations

import pytest

from knowledgebase.accounts.services import create_login_link
from knowledgebase.searches.models import Trial

pytestmark = pytest.mark.django_db(transaction=True)


def test_signing_in_by_link_and_out_again(browser, live_server, owner):
    context = browser.new_context(base_url=live_server.url)
    tab = context.new_page()
    tab.goto(create_login_link(owner.user))
    tab.get_by_role("button", name="Sign in").click()
    assert tab.get_by_role("heading", level=1).inner_text() == "What this hub knows"
    tab.get_by_role("link", name="olga").click()
    tab.get_by_role("button", name="Sign out").click()
    assert tab.get_by_role("heading", level=1).inner_text() == "Sign in"
    context.close()


def test_from_the_list_over_a_filter_to_what_failed(page, rows, complaints):
    page.goto("/")
    page.get_by_role("link", name="Experiences", exact=True).click()
    assert "60 runs" in page.inner_text(".lede")
    page.locator(".key a", has_text="oom").click()
    assert "with these filters" in page.inner_text(".lede")
    page.locator("tbody a.id").first.click()
    assert page.get_by_role("heading", name="What happened").is_visible()
    assert page.get_by_role("heading", name="What fitted instead").is_visible()
    assert complaints == []


def test_a_search_changes_before_ones_eyes_and_keeps_what_is_open(page, search, complaints):
    page.goto(f"/searches/{search.pk}/")
    page.locator("#prior-twin summary").click()
    Trial.objects.filter(search=search, number=8).update(
        state="done", status="ok", score=0.81, seconds=12.0, lease_until=None, finished_at=search.started_at
    )
    page.get_by_text("0.8100").first.wait_for(timeout=15_000)
    assert page.locator("#prior-twin").get_attribute("open") is not None
    assert complaints == []


def test_from_a_search_to_what_its_gate_skipped_and_why(page, search, complaints):
    page.goto(f"/searches/{search.pk}/")
    gate = page.get_by_role("region", name="2 proposals skipped")
    assert gate.get_by_role("row").count() == 3
    assert "score below best" in gate.inner_text()
    assert (
        page.get_by_role("region", name="Trials", exact=True).get_by_text("of score below best").is_visible()
    )
    gate.get_by_role("link", name="Reasons of skipped proposal 9").click()
    assert page.get_by_role("heading", name="Reasons").is_visible()
    assert "it will most likely end below what is known already" in page.inner_text("main")
    page.goto(f"/searches/{search.pk}/trials/11/")
    assert "it would have reached 0.5000 at most" in page.inner_text("main")
    assert complaints == []


def test_a_new_search_switches_gate_and_early_stopping_on(page, search, complaints):
    page.goto(f"/searches/new/{search.dataset_id}/")
    page.get_by_label("Skip proposals that will most likely fail").check()
    page.get_by_label("Stop trainings whose curve will not reach the front").check()
    page.wait_for_url("**/?*gate=on*early_stopping=on*")
    page.get_by_role("button", name="Start search").click()
    page.get_by_role("status").filter(has_text="0 of 20 trials done").wait_for()
    assert "with the gate" in page.inner_text(".lede")
    assert "rule “ceiling”" in page.inner_text(".lede")
    assert complaints == []


def test_cancelling_a_search(page, search):
    page.goto(f"/searches/{search.pk}/")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled: what has finished is kept").wait_for()
    search.refresh_from_db()
    assert search.state in ("cancelling", "cancelled")


def test_the_theme_is_chosen_in_the_footer(page, rows):
    page.goto("/experiences/")
    page.get_by_label("Theme").select_option("dark")
    page.get_by_role("button", name="Set").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"
    assert page.url.endswith("/experiences/")


def test_pages_work_without_javascript(browser, live_server, owner, search):
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    cookie = owner.pages.cookies["tunelore_session"]
    context.add_cookies([{"name": "tunelore_session", "value": cookie.value, "url": live_server.url}])
    tab = context.new_page()
    tab.goto(f"/searches/{search.pk}/")
    assert tab.get_by_text("Reload the page to see its progress").is_visible()
    tab.get_by_role("button", name="Cancel").click()
    assert tab.get_by_text("Cancelled: what has finished is kept").is_visible()
    context.close()


def test_a_new_search_without_javascript(browser, live_server, owner, tmp_path):
    rows = tmp_path / "films.csv"
    rows.write_text("review,stars\n" + "".join(f"film number {n} is fine,{n % 2}\n" for n in range(30)))
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    cookie = owner.pages.cookies["tunelore_session"]
    context.add_cookies([{"name": "tunelore_session", "value": cookie.value, "url": live_server.url}])
    tab = context.new_page()
    tab.goto("/searches/new/")
    tab.get_by_label("Training rows").set_input_files(rows)
    tab.get_by_role("button", name="Upload and look at it").click()
    tab.get_by_role("button", name="Check these columns").click()
    tab.get_by_role("button", name="Go on").click()
    tab.get_by_label("Trials", exact=True).fill("4")
    tab.get_by_role("button", name="Update the estimate").click()
    assert "trials=4" in tab.url
    tab.get_by_role("button", name="Start search").click()
    assert "0 of 4 trials done" in tab.get_by_role("status").inner_text()
    context.close()


def test_from_a_file_to_a_running_search(page, owner, tmp_path, complaints):
    rows = tmp_path / "films.csv"
    rows.write_text("review,stars\n" + "".join(f"film number {n} is fine,{n % 2}\n" for n in range(30)))
    page.goto("/searches/")
    page.get_by_role("link", name="New search").click()
    page.get_by_label("Training rows").set_input_files(rows)
    page.get_by_role("button", name="Upload and look at it").click()
    assert page.get_by_label("Label").input_value() == "stars"
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Trials", exact=True).fill("")
    page.get_by_role("complementary", name="Estimate").filter(has_text="fields are right: trials").wait_for()
    page.get_by_label("Trials", exact=True).fill("3")
    page.wait_for_url("**/?*trials=3*")
    page.get_by_role("button", name="Start search").click()
    page.get_by_role("status").filter(has_text="0 of 3 trials done").wait_for()
    assert complaints == []


def test_sorting_a_column_and_comparing_two_rows(page, rows, complaints):
    page.goto("/experiences/")
    page.get_by_role("link", name="Score", exact=True).click()
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Score")
    page.get_by_label("Filter", exact=True).fill("h.learning_rate > 1e-3 and status = ok")
    page.get_by_role("button", name="Show", exact=True).click()
    assert "h.learning_rate" in page.locator(".chip").inner_text()
    for box in page.locator("tbody input[name=id]").all()[:2]:
        box.check()
    page.get_by_role("button", name="Compare selected").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Compare 2 experiences"
    assert complaints == []


def test_publishing_what_was_looked_at(page, rows, complaints):
    good = next(row for row in rows if row["outcome"]["status"] == "ok")
    page.goto(f"/experiences/{good['id']}/")
    page.get_by_role("link", name="Publish", exact=True).click()
    assert good["id"] in page.get_by_role("region", name="What others would read").inner_text()
    page.get_by_role("button", name="Publish it").click()  # the browser itself asks for the tick first
    assert page.url.endswith("/publish/")
    page.get_by_label("I have seen what would become visible").check()
    page.get_by_role("button", name="Publish it").click()
    page.get_by_role("status").filter(has_text="Published 1 experience").wait_for()
    assert "visible to public" in page.locator(".lede").inner_text()
    assert complaints == []
