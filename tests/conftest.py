"""The ground of every test: a home folder of its own, the cast of people, records to send.

It must run before the settings are read, so it sets the environment first and then sets Django up.
"""

from __future__ import annotations

import atexit
import copy
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest

KEPT = (
    "TUNELORE_DATABASE_URL",
    "TUNELORE_TEST_REDIS_URL",
    "TUNELORE_SHARED",
    "TUNELORE_REQUIRE_PARTS",
    "TUNELORE_CHROMIUM",
)
ROOT = Path(__file__).resolve().parents[1]


def prepare_environment() -> None:
    """No setting of the machine reaches a test, and nothing of a test reaches the checkout."""
    for name in [name for name in os.environ if name.startswith("TUNELORE_") and name not in KEPT]:
        del os.environ[name]
    home = tempfile.mkdtemp(prefix="tunelore-test-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "knowledgebase.settings",
        "TUNELORE_HOME": home,
        # Connections end with their thread and not with the pool; the test database can be dropped.
        "TUNELORE_DATABASE_POOL": "0",
        "TUNELORE_RATE_USER": "off",
        "TUNELORE_RATE_ANONYMOUS": "off",
        "TUNELORE_LOG_LEVEL": "ERROR",
    }
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))


prepare_environment()
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402
from tunelore.record import uuid7  # noqa: E402

from knowledgebase.accounts.models import Team, User  # noqa: E402
from knowledgebase.accounts.services import (  # noqa: E402
    add_member,
    create_team,
    create_token,
    create_user,
)

TEXTS = {"experiences:read", "experiences:write"}
RECORD: dict[str, Any] = {
    "schema": "tunelore.experience/1",
    "started_at": "2026-11-20T09:00:00Z",
    "finished_at": "2026-11-20T09:02:05.5Z",
    "task": {
        "kind": "text-classification",
        "name": "harbour notices",
        "languages": ["en"],
        "domain": "shipping",
        "dataset": {
            "source": "file",
            "name": "harbour",
            "fingerprint": "rows-sha256:" + "5e" * 32,
            "label_column": "berth",
        },
        "metafeatures": {
            "extractor": "tunelore.text-classification",
            "version": 1,
            "sampled": False,
            "values": {"instances": 620, "classes": 4, "class_entropy": 1.31, "landmark": None},
        },
    },
    "system": {
        "features": {"cpu_cores_physical": 4, "cpu_cores_logical": 8, "memory_bytes": 2**34, "devices": []},
        "software": {"python": "3.11.9", "torch": "2.13.0"},
    },
    "language_model": {
        "source": "package",
        "name": "acme/small-encoder",
        "revision": "1",
        "features": {"parameters": 4_400_000, "layers": 4, "architecture": "bert"},
    },
    "pipeline": {
        "method": "lora",
        "space": "tunelore/1",
        "hyperparameters": {"learning_rate": 3e-4, "epochs": 2, "batch_size": 16, "class_weights": True},
    },
    "fidelity": {"train_rows": 400, "train_fraction": 0.65},
    "outcome": {"status": "ok"},
    "metrics": {"validation": {"f1_macro": 0.71, "accuracy": 0.75}},
    "primary": {"split": "validation", "metric": "f1_macro", "value": 0.71},
    "cost": {"evaluation_s": 125.5, "cpu_s": 240.0, "host_memory_bytes": 1_100_000_000},
    "limits": {"wall_s": 600.0, "host_memory_bytes": 2**31},
    "conditions": {"threads": 2, "device": "cpu", "device_speed": 5.5e10},
    "provenance": {"client": "tunelore/1.0.0", "via": "callback", "seed": 11},
}


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """SQLite in a file, as hubs have it: only there do transactions of two threads meet for real."""
    if connections.settings["default"]["ENGINE"].endswith("sqlite3"):
        connections["default"].settings_dict["TEST"]["NAME"] = str(settings.HOME / "test.sqlite3")


@pytest.fixture
def make_record() -> Callable[..., dict[str, Any]]:
    """A valid record with an id of its own; named parts are laid over it, key by key, None takes a key out."""

    def make(**parts: Any) -> dict[str, Any]:
        return laid_over({**copy.deepcopy(RECORD), "id": uuid7()}, parts)

    return make


@pytest.fixture
def make_failure(make_record: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A valid record of a run that ended otherwise than ok."""

    def make(status: str = "oom", cause: str = "host", **parts: Any) -> dict[str, Any]:
        outcome = {"status": status, "phase": "train", "cause": cause}
        return make_record(outcome=outcome, primary=None, metrics=None, **parts)

    return make


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Nested dictionaries, the upper one wins."""
    for key, value in above.items():
        if value is None:
            below.pop(key, None)
        elif isinstance(value, dict) and isinstance(below.get(key), dict):
            laid_over(below[key], value)
        else:
            below[key] = value
    return below


@pytest.fixture
def alice(db: None) -> User:
    """Owns what is in question."""
    return create_user("alice")


@pytest.fixture
def team(alice: User) -> Team:
    """Alice's team, with Bob on it."""
    return create_team("Harbour", owner=alice)


@pytest.fixture
def bob(team: Team, alice: User) -> User:
    """Is on Alice's team."""
    user = create_user("bob")
    add_member(team, user, actor=alice)
    return user


@pytest.fixture
def charlie(db: None) -> User:
    """Is a stranger with an account."""
    return create_user("charlie")


@pytest.fixture
def client_of() -> Callable[..., APIClient]:
    """An API client with a fresh token of a person; by default it may read and write experiences."""

    def make(user: User, *scopes: str, team: Team | None = None) -> APIClient:
        _, text = create_token(user, "test", scopes or TEXTS, team=team)
        return APIClient(headers={"Authorization": f"Bearer {text}"}, raise_request_exception=False)

    return make


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared data folder; without it the test is skipped by name."""
    folder = Path(os.environ.get("TUNELORE_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        message = f"no shared data folder at {folder}: set TUNELORE_SHARED"
        if os.environ.get("TUNELORE_REQUIRE_PARTS") == "1" and "TUNELORE_SHARED" in os.environ:
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Throttles count in the cache."""
    from django.core.cache import cache

    yield
    cache.clear()
