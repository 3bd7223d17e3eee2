"""What comes out of a printer: the findings with their drawings and whole tables, on white, and nothing to press."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from knowledgebase.experiences.models import Task
from knowledgebase.searches.models import Search, Trial

pytestmark = pytest.mark.django_db(transaction=True)
# A4 between margins of 1 cm, at 96 dots an inch.
PAPER = {"width": 718, "height": 1047}
# What is seen of these, by what it is.
SEEN = """(places) => [...document.querySelectorAll(places)].filter(one => one.checkVisibility()).map(
  one => one.outerHTML.slice(0, 100)
)"""
CONTROLS = "nav[aria-label=Main], header.bar, footer, form, button, .btn, input, select, .skip, .acts, .pager"
# Tables and code that are wider than the paper, or hide a part behind a scroll bar.
CUT = """() => [...document.querySelectorAll("table, .tbl, pre, svg[role=img]")].filter(one => one.checkVisibility())
  .filter(one => {
    const box = one.getBoundingClientRect(), style = getComputedStyle(one)
    const hides = style.overflowX !== "visible" && one.localName !== "svg"
    return box.right > document.documentElement.clientWidth + 1 || (hides && (
      one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1))
  }).map(one => one.outerHTML.slice(0, 120))"""


def printed(page: Any, address: str) -> None:
    """The page as a printer gets it, asked for by somebody who reads in the dark."""
    page.context.add_cookies([{"name": "theme", "value": "dark", "url": page.url}])
    page.set_viewport_size(PAPER)
    page.goto(address)
    page.emulate_media(media="print", color_scheme="dark")


def assert_is_paper(page: Any, drawings: int, tables: int) -> None:
    assert page.evaluate(SEEN, CONTROLS) == []
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER["width"]
    seen = [one for one in page.locator("svg[role=img]").all() if one.bounding_box()["height"] > 20]
    assert len(seen) >= drawings
    assert page.locator("table:visible").count() >= tables
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    # As bright as paper: dark letters on a light ground.
    ground = page.evaluate(
        "getComputedStyle(document.documentElement).backgroundColor.match(/[\\d.]+/g).map(Number)"
    )
    assert min(ground[:3]) > 240
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_task_on_paper(page: Any, live_server: Any, rows: list[dict[str, Any]]) -> None:
    page.goto("/")
    task = Task.objects.order_by("pk")[0]
    printed(page, f"/experiences/tasks/{task.digest}/")
    assert page.get_by_role("heading", level=1).is_visible()
    for name in ("Front", "Leaderboard", "What failed", "Nearest tasks", "Identity"):
        assert page.get_by_role("heading", name=name, exact=True).is_visible()
    assert_is_paper(page, drawings=2, tables=5)
    twin = page.locator("#front-twin table")
    assert twin.is_visible(), "what is folded on a screen cannot be unfolded on paper"


def test_a_finished_search_on_paper(page: Any, search: Search) -> None:
    now = timezone.now()
    Trial.objects.filter(search=search, number=8).update(
        state="done", status="ok", score=0.81, seconds=12.0, lease_until=None, finished_at=now
    )
    Search.objects.filter(pk=search.pk).update(state="done", ended_at=now)
    page.goto("/")
    printed(page, f"/searches/{search.pk}/")
    for name in ("Front", "Trials", "Gate", "Prior"):
        assert page.get_by_role("heading", name=name, exact=True).is_visible()
    assert page.get_by_role("region", name="Trials", exact=True).get_by_role("row").count() >= 10
    assert_is_paper(page, drawings=3, tables=4)
