"""The links between the pages of the documentation, and numbers in them that the code decides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from automl.priors.memory import REMEMBERED_RUNS, REMEMBERED_TASKS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "logging_client" / "README.md"])


def links(page: Path) -> list[str]:
    """The files that a page leads to, pictures too."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    return [one for one in found if not re.match(r"\w+:", one)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    assert [one for one in links(page) if not (page.parent / one).exists()] == []


def test_the_tour_leads_to_the_guide_of_the_callback() -> None:
    assert "../logging_client/README.md" in links(ROOT / "docs" / "tour.md")


def test_what_stays_of_a_deleted_experience_is_said_in_true_numbers():
    said = " ".join((ROOT / "docs" / "privacy.md").read_text(encoding="utf-8").split())
    assert REMEMBERED_TASKS == 10
    assert f"up to {REMEMBERED_RUNS:,} runs of the ten nearest tasks" in said
