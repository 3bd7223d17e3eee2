"""The API's own pages: every operation and schema of the document, nothing from elsewhere, no script."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cast import ROOT

pytestmark = pytest.mark.django_db
DOCUMENT = json.loads((Path(ROOT) / "docs" / "openapi.json").read_text(encoding="utf-8"))


@pytest.fixture
def page(owner):
    answer = owner.pages.get("/docs/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_operation_and_schema_is_there(page):
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}</code>" in page, (path, method)
            assert f'id="o-{operation["operationId"]}"' in page
    ids = set(re.findall(r'id="(s-[^"]+)"', page))
    assert {f"s-{name}" for name in DOCUMENT["components"]["schemas"]} <= ids


def test_every_link_leads_somewhere(page, owner):
    ids = set(re.findall(r'id="([^"]+)"', page))
    links = set(re.findall(r'href="([^"]+)"', page))
    assert {link for link in links if link.startswith("#")} <= {f"#{one}" for one in ids}
    for link in sorted(link for link in links if link.startswith("/api/")):
        assert owner.pages.get(link).status_code == 200, link


def test_it_says_which_scope_opens_what(page):
    assert page.count("experiences:read</code>") > 10
    assert "searches:write</code>" in page
    assert "admin</code>" in page


def test_nothing_is_fetched_from_elsewhere_and_nothing_runs(page):
    assert not re.findall(r'(?:src|href)="https?://', page)
    assert "<script" not in page
    assert " style=" not in page


def test_strangers_are_asked_to_sign_in(client):
    assert client.get("/docs/").status_code == 302
