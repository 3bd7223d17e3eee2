"""Every address of the hub, read from the URL configuration; tests that promise "every page" start from it.

It does not know what an address shows or who may see it: each test enters that by name and fails for one without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


def routes(resolver: Any = None, prefix: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """(name with its namespace, path pattern) of every address."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, route, f"{entry.namespace}:" if entry.namespace else space)
        elif isinstance(entry, URLPattern):
            yield f"{space}{entry.name}", route


ROUTES = sorted(set(routes()))
PAGES = [(name, route) for name, route in ROUTES if not name.startswith("api:")]
# Addresses that show no page of their own, and why.
NO_PAGE = {
    "accounts:change-role": "a form of the team's page",
    "accounts:create-team": "a form of the account's page",
    "accounts:invite": "a form of the team's page",
    "accounts:remove-member": "a form of the team's page",
    "accounts:revoke-token": "a form of the account's page",
    "accounts:set-email": "a form of the account's page",
    "accounts:set-password": "a form of the account's page",
    "accounts:sign-out": "a form of the account's page",
    "accounts:withdraw": "a form of the team's page",
    "searches:cancel": "a form of the search's page",
    "searches:estimate": "a part of the set-up, which asks for it",
    "searches:live": "a part of the search's page, which asks for it",
    "web:live": "for machines",
    "web:metrics": "for machines",
    "web:ready": "for machines",
    "web:theme": "a form of the frame",
}
