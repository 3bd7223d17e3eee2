"""A space of one's own from the page of a new search to the page of the search, in a real browser."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_space_of_ones_own(page, owner, search, complaints, theme):
    from axe_playwright_python.sync_playwright import Axe

    def is_readable() -> bool:
        found = Axe().run(page).response["violations"]
        return not [one for one in found if one["impact"] in ("serious", "critical")]

    page.set_viewport_size({"width": 400, "height": 900})
    page.emulate_media(color_scheme=theme)
    page.goto(f"/searches/new/{search.dataset_id}/")
    page.locator("summary", has_text="A space of your own").click()
    field = page.get_by_label("Methods and hyper-parameters")
    estimate = page.get_by_role("complementary", name="Estimate")
    with page.expect_response(lambda one: "estimate" in one.url and one.request.method == "POST"):
        field.fill("base: tunelore\nmethods: [lin]\n")
    estimate.filter(has_text="fields are right: own_space").wait_for()
    assert "own_space" not in page.url  # too long for an address
    with page.expect_response(lambda one: "estimate" in one.url and one.request.method == "POST"):
        field.fill(
            "base: tunelore\nname: words/1\nmethods: [linear]\nparameters:\n  c: {low: 0.5, high: 2}\n"
        )
    estimate.filter(has_not_text="own_space").wait_for()
    assert is_readable()
    page.get_by_role("button", name="Start search").click()
    page.locator("summary", has_text="words/1#").click()
    assert "high: 2" in page.get_by_role("region", name="The space of this search").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert is_readable()
    assert complaints == []
