"""How much a browser fetches for its first page, gzipped; what it then does with it is the browser tests'."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

pytestmark = pytest.mark.django_db
MOST_BYTES = 150_000
PACKED = (".woff2", ".png")  # gzip takes nothing off these


def fetched(page: str) -> dict[str, int]:
    """Static file -> its bytes on the wire, for all that the page names and that its style sheets name."""
    waiting, sizes = re.findall(r'(?:href|src)="/static/([^"]+)"', page), {}
    while waiting:
        name = waiting.pop()
        file = finders.find(name)
        assert file is not None, f"{name} is not there"
        body = Path(file).read_bytes()
        sizes[name] = len(body if name.endswith(PACKED) else gzip.compress(body))
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
    answer = owner.pages.get(address)
    assert answer.status_code == 200
    files = fetched(answer.content.decode())
    assert any(name.endswith(".css") for name in files)
    assert any(name.endswith(".woff2") for name in files), "the fonts are counted"
    total = len(gzip.compress(answer.content)) + sum(files.values())
    assert total <= MOST_BYTES, f"{total} bytes: {files}"
