"""Fixtures of whoever tests searches, over the API or on workers: a person, a dataset, and messages nobody reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import create_user, personal_team
from knowledgebase.celery import app
from knowledgebase.searches.models import Dataset


@pytest.fixture(autouse=True, scope="session")
def hints_go_nowhere() -> Iterator[None]:
    """Messages of this process stay in memory and are never read: what works without them works with them."""
    before = {name: app.conf[name] for name in ("broker_url", "broker_transport", "broker_transport_options")}
    app.conf.update(broker_url="memory://localhost//", broker_transport=None, broker_transport_options={})
    yield
    app.conf.update(before)


@pytest.fixture
def person(db: None) -> User:
    return create_user("alice")


@pytest.fixture
def dataset(person: User) -> Dataset:
    """A dataset that counts as read; its rows are never needed."""
    return Dataset.objects.create(
        owner=person,
        team=personal_team(person),
        source="builtin",
        name="message-language",
        state="ready",
        fingerprint="rows-sha256:" + "ab" * 32,
        task_digest="sha256:" + "cd" * 32,
        train_rows=600,
        classes={"ca": 30, "cs": 30},
        resolved_at=datetime(2026, 11, 21, tzinfo=UTC),
    )
