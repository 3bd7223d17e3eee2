"""The cast of the search API: Alice asks, Bob is on her team, Charlie is a stranger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from knowledgebase.accounts.models import Membership, User
from knowledgebase.accounts.services import create_token, create_user, personal_team
from knowledgebase.searches.models import Dataset, Search
from tests.searching import dataset, hints_go_nowhere, person

__all__ = ["dataset", "hints_go_nowhere", "person"]

SCOPES = ("experiences:read", "searches:write")


def client_of(user: User, *scopes: str) -> APIClient:
    _, text = create_token(user, "test", scopes or SCOPES)
    return APIClient(headers={"Authorization": f"Bearer {text}"})


@pytest.fixture(autouse=True)
def nobody_counts_joules(settings: Settings, tmp_path: Path) -> None:
    """Whatever this machine can read."""
    settings.POWERCAP = str(tmp_path)


@pytest.fixture
def alice(person: User) -> APIClient:
    return client_of(person)


@pytest.fixture
def reader(person: User) -> APIClient:
    """Alice with a token that may only read."""
    return client_of(person, "experiences:read")


@pytest.fixture
def bob(person: User) -> APIClient:
    user = create_user("bob")
    Membership.objects.create(team=personal_team(person), user=user)
    return client_of(user)


@pytest.fixture
def charlie(db: None) -> APIClient:
    return client_of(create_user("charlie"))


@pytest.fixture
def make_search(person: User, dataset: Dataset) -> Callable[..., Search]:
    def make(**changes: Any) -> Search:
        columns: dict[str, Any] = {
            "objectives": ["score", "seconds"],
            "budget_trials": 4,
            "state": "running",
            "started_at": timezone.now(),
            "wall_s": 60.0,
            "dataset": dataset,
        }
        return Search.objects.create(owner=person, team=personal_team(person), **(columns | changes))

    return make
