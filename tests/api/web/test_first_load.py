"""How much a browser fetches for its first page, gzipped; what it then does with it is the browser tests'."""

from __future__ import annotations

import gzip
import re

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
MOST_BYTES = 150_000
FONT = "source-code-pro-latin-wght-normal.woff2"


def on_the_wire(client: Client, address: str) -> tuple[bytes, int]:
    """What a browser that takes gzip is sent, unpacked, and its bytes before that."""
    answer = client.get(address, headers={"accept-encoding": "gzip, br"})
    assert answer.status_code == 200, address
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    answer.close()
    return (gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body), len(body)


def fetched(client: Client, page: str) -> dict[str, int]:
    """Static file -> its bytes on the wire, for all that the page names and that its style sheets name."""
    waiting, sizes = re.findall(r'(?:href|src)="/static/([^"]+)"', page), {}
    while waiting:
        name = waiting.pop()
        body, sizes[name] = on_the_wire(client, f"/static/{name}")
        if name.endswith(".css"):
            named = re.findall(r"""url\(["']?(?!data:)([^)"']+)""", body.decode())
            waiting += [one for one in named if one not in sizes]
    return sizes


@pytest.mark.parametrize(
    "address",
    [
        "/accounts/sign-in/",
        "/",
        "/experiences/",
        "/experiences/tasks/",
        "/searches/",
        "/searches/new/",
        "/docs/",
    ],
)
def test_a_first_load_is_small(address, owner, record):
    for _ in range(30):
        assert owner.api.post("/api/v1/experiences/", record(), "application/json").status_code == 201
    page, size = on_the_wire(owner.pages, address)
    assert size < len(page) / 2
    files = fetched(owner.pages, page.decode())
    assert any(name.endswith(".css") for name in files)
    assert any(name.endswith(".woff2") for name in files), "the fonts are counted"
    total = size + sum(files.values())
    assert total <= MOST_BYTES, f"{total} bytes: {files}"


def test_what_is_packed_or_of_the_api_stays_as_it_is(owner, record):
    assert owner.api.post("/api/v1/experiences/", record(), "application/json").status_code == 201
    takes = {"accept-encoding": "gzip"}
    listed = owner.api.get("/api/v1/experiences/", headers=takes)
    assert "Content-Encoding" not in listed.headers
    plain = owner.pages.get("/experiences/")
    assert "Content-Encoding" not in plain.headers
    font, size = on_the_wire(owner.pages, "/static/fonts/" + FONT)
    assert font.startswith(b"wOF2")
    assert len(font) == size
