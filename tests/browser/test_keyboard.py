"""The hub with the keyboard alone: Tab, Shift+Tab, Enter, Space and letters; nothing is clicked or focused by a test.

Wherever the focus goes it is seen: drawn, in the window and under nothing else; and it always gets away again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from knowledgebase.accounts.models import Invitation
from knowledgebase.accounts.services import set_password
from knowledgebase.searches.models import Search
from tests.browser.conftest import listen
from tests.cast import Person

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "salt and wind and rope"
MOST_STEPS = 300
# What has the focus: a number of its own, its name, and what is wrong with how it is seen; null where nothing has it.
FOCUSED = """() => {
  const one = document.activeElement
  if (!one || one === document.body) return null
  one.numbered ??= window.counted = (window.counted ?? 0) + 1
  const label = one.labels?.[0]?.innerText
  const name = (one.getAttribute("aria-label") || label || one.innerText || one.textContent || one.value || "").trim()
  const style = getComputedStyle(one), box = one.getBoundingClientRect(), wrong = []
  if (!one.matches(":focus-visible")) wrong.push("is not said to have the focus")
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) wrong.push("has no outline")
  if (box.width < 1 || box.height < 1) wrong.push("has no size")
  const left = Math.max(box.left, 0), right = Math.min(box.right, innerWidth)
  const top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight)
  if (right <= left || bottom <= top) wrong.push("is outside of the window")
  else {
    const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
    if (over && !over.contains(one) && !one.contains(over)) wrong.push("lies under " + over.outerHTML.slice(0, 80))
  }
  return {number: one.numbered, name, wrong: wrong.length ? `${one.outerHTML.slice(0, 120)} ${wrong}` : ""}
}"""

USABLE = """() => [...document.querySelectorAll(
  "a[href], button:not([disabled]), input:not([type=hidden], [disabled]), select, textarea, summary, [tabindex='0']"
)].filter(one => one.checkVisibility({visibilityProperty: true})).map(
  one => ({number: one.numbered ?? 0, name: one.outerHTML.slice(0, 100)})
)"""


class Keys:
    """Hands on a keyboard, and eyes that look for the focus after every step."""

    def __init__(self, tab: Any) -> None:
        self.tab = tab

    def press(self, key: str) -> None:
        self.tab.keyboard.press(key)

    def type(self, text: str) -> None:
        self.tab.keyboard.type(text)

    def step(self, key: str = "Tab") -> dict[str, Any] | None:
        """One step on; what has the focus now, or None behind the last and before the first."""
        before = self.tab.evaluate(FOCUSED)
        self.press(key)
        now = self.tab.evaluate(FOCUSED)
        if now is not None:
            assert now["wrong"] == ""
            assert before is None or now["number"] != before["number"], f"{now['name']} keeps the focus"
        return now

    def to(self, name: str, key: str = "Tab") -> None:
        """On until the focus is on what has this name, or begins with it and a blank."""
        met = []
        for _ in range(MOST_STEPS):
            now = self.step(key)
            met.append(now["name"] if now else "")
            if met[-1] == name or met[-1].startswith((f"{name} ", f"{name}\n")):
                return
        raise AssertionError(f"no way to {name!r}; met {met[:60]}")

    def all_around(self) -> int:
        """Through the whole page in both directions: everything that can be used is met, and nothing twice before
        the rest; how many places that are.
        """
        there, back = self.round("Tab"), self.round("Shift+Tab")
        assert sorted(there) == sorted(back)
        assert [one["name"] for one in self.tab.evaluate(USABLE) if one["number"] not in there] == []
        return len(there)

    def round(self, key: str) -> list[int]:
        """The numbers of what has the focus, one after the other, until the first of them has it again."""
        met: list[int] = []
        for _ in range(MOST_STEPS):
            now = self.step(key)
            if now is not None and now["number"] in met:
                assert now["number"] == met[0], f"{now['name']} leads back into itself"
                return met
            met += [now["number"]] if now is not None else []
        raise AssertionError(f"no end of the page after {MOST_STEPS} steps")

    def go(self, key: str = "Enter") -> None:
        """Press what has the focus, and wait for the page that it leads to."""
        with self.tab.expect_navigation():
            self.press(key)

    def heading(self) -> str:
        return str(self.tab.get_by_role("heading", level=1).inner_text())


@pytest.fixture
def keys(browser: Any, live_server: Any, owner: Person, complaints: list[str]) -> Iterator[Keys]:
    """At the sign-in page, as somebody who has a password."""
    set_password(owner.user, PASSWORD)
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 800})
    tab = context.new_page()
    listen(tab, complaints)
    tab.goto("/accounts/sign-in/?next=/")
    yield Keys(tab)
    context.close()


def sign_in(keys: Keys) -> None:
    keys.to("Name")
    keys.type("olga")
    keys.to("Password")
    keys.type(PASSWORD)
    keys.go()
    assert keys.heading() == "What this hub knows"


def test_signing_in_browsing_filtering_and_comparing(keys, rows, complaints):
    assert keys.all_around() >= 5
    sign_in(keys)
    keys.step()
    keys.press("Enter")  # the first of every page: past the frame, to what it is about
    assert keys.tab.evaluate("document.activeElement.id") == "main"
    keys.to("Experiences", "Shift+Tab")
    keys.go()
    assert "60 runs" in keys.tab.inner_text(".lede")
    keys.to("Filter")
    keys.type("h.learning_rate > 5.4e-3 and status = ok")
    keys.go()
    assert keys.all_around() > 20
    boxes = keys.tab.locator("tbody input[name=id]")
    for _ in range(2):
        keys.to("Select")
        keys.press("Space")
    assert [boxes.nth(place).is_checked() for place in range(2)] == [True, True]
    keys.to("Compare selected")
    keys.go("Space")
    assert keys.heading() == "Compare 2 experiences"
    assert keys.all_around() > 10
    assert complaints == []


def test_from_a_file_to_a_search_that_runs(keys, owner, tmp_path, complaints):
    sign_in(keys)
    keys.to("Searches")
    keys.go()
    keys.to("New search")
    keys.go()
    choose(keys, "Training rows", films(tmp_path))
    keys.to("Upload and look at it")
    keys.go()
    assert keys.heading() == "films.csv"
    assert keys.all_around() > 10
    keys.to("Go on")
    keys.go()
    assert keys.all_around() > 20
    keys.to("Trials")
    keys.press("Control+A")
    keys.type("3")
    keys.to("Skip proposals that will most likely fail or end below what is known")
    keys.press("Space")
    keys.to("Start search")
    keys.go("Space")
    keys.tab.get_by_role("status").filter(has_text="0 of 3 trials done").wait_for()
    made = Search.objects.get()
    assert (made.budget_trials, made.gate) == (3, True)
    keys.to("Cancel")
    assert complaints == []


def films(folder: Path) -> Path:
    rows = folder / "films.csv"
    rows.write_text("review,stars\n" + "".join(f"film number {n} is fine,{n % 2}\n" for n in range(30)))
    return rows


def choose(keys: Keys, name: str, file: Path) -> None:
    """The system's own window opens by the keyboard; which file is chosen there is the system's business."""
    keys.to(name)
    with keys.tab.expect_file_chooser() as window:
        keys.press("Space")
    window.value.set_files(file)


def test_making_a_token_and_a_team_and_inviting_somebody(keys, owner, complaints):
    sign_in(keys)
    keys.to("olga")
    keys.go()
    keys.to("New token")
    keys.press("Enter")
    keys.to("Name")
    keys.type("laptop")
    keys.go()
    assert "export TUNELORE_TOKEN=tl_" in keys.tab.get_by_role("region", name="The new token").inner_text()
    keys.to("New team")
    keys.press("Space")
    keys.to("Name")
    keys.type("night watch")
    keys.go()
    assert keys.heading() == "night watch"
    assert keys.all_around() > 10
    keys.to("Make a link")
    keys.go()
    assert "/accounts/invitations/" in keys.tab.inner_text("main")
    assert Invitation.objects.get().team.name == "night watch"
    keys.to("olga", "Shift+Tab")
    keys.go()
    keys.to("Sign out")
    keys.go("Space")
    assert keys.heading() == "Sign in"
    assert complaints == []
