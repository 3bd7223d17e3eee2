"""The API's own pages: every operation and schema of the document, nothing from elsewhere, no script."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cast import ROOT

pytestmark = pytest.mark.django_db
DOCUMENT = json.loads((Path(ROOT) / "docs" / "openapi.json").read_text(encoding="utf-8"))
RESOURCES = sorted({path.split("/")[3] for path in DOCUMENT["paths"]})
MOST_BYTES = 100_000


@pytest.fixture
def pages(owner):
    """Address -> page, of all of them."""
    found = {}
    for address in ("/docs/", *(f"/docs/{name}/" for name in RESOURCES)):
        answer = owner.pages.get(address)
        assert answer.status_code == 200
        found[address] = answer.content.decode()
    return found


def test_every_operation_is_in_the_list_and_on_the_page_of_its_resource(pages):
    for path, methods in DOCUMENT["paths"].items():
        own = pages[f"/docs/{path.split('/')[3]}/"]
        for method, operation in methods.items():
            assert f"{method.upper()} {path}</code>" in pages["/docs/"], (path, method)
            assert f"{method.upper()} {path}</code>" in own, (path, method)
            assert f'id="o-{operation["operationId"]}"' in own


def test_every_schema_is_described_once(pages):
    places = [name for page in pages.values() for name in re.findall(r'id="s-([^"]+)"', page)]
    assert sorted(places) == sorted(DOCUMENT["components"]["schemas"])


def test_every_link_leads_somewhere(pages, owner):
    ids = {address: set(re.findall(r'id="([^"]+)"', page)) for address, page in pages.items()}
    for here, page in pages.items():
        for link in set(re.findall(r'href="([^"]+)"', page)):
            address, _, place = link.partition("#")
            if place:
                assert place in ids[address or here], (here, link)
            elif address.startswith(("/api/", "/docs/")):
                assert owner.pages.get(address).status_code == 200, link


def test_no_page_holds_everything(pages):
    assert {address: len(page) for address, page in pages.items() if len(page) > MOST_BYTES} == {}


def test_it_says_which_scope_opens_what(pages):
    assert pages["/docs/experiences/"].count("experiences:read</code>") >= 3
    assert "searches:write</code>" in pages["/docs/searches/"]
    assert "admin</code>" in pages["/docs/tokens/"]


def test_nothing_is_fetched_from_elsewhere_and_nothing_runs(pages):
    for page in pages.values():
        assert not re.findall(r'(?:src|href)="https?://', page)
        assert "<script" not in page
        assert " style=" not in page


def test_a_resource_that_is_none(owner):
    assert owner.pages.get("/docs/nothing/").status_code == 404


def test_strangers_are_asked_to_sign_in(client):
    assert client.get("/docs/").status_code == 302
    assert client.get("/docs/tasks/").status_code == 302
