"""A real browser on a live hub with realistic rows. It skips by name where there is no Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cast import Person, require

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
FLAGS += ["--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = os.environ.get("TUNELORE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    require(not path, "Chromium (Debian: apt-get install chromium, or set TUNELORE_CHROMIUM)")
    from playwright.sync_api import sync_playwright

    # Playwright runs an event loop in this thread; Django then takes every query for one from asynchronous code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said; a test that used a page ends with an empty list."""
    return []


@pytest.fixture
def page(browser: Any, live_server: Any, owner: Person, complaints: list[str]) -> Iterator[Any]:
    """A page of a browser that is signed in as the owner."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1440, "height": 900})
    cookie = owner.pages.cookies["tunelore_session"]
    context.add_cookies([{"name": "tunelore_session", "value": cookie.value, "url": live_server.url}])
    tab = context.new_page()
    listen(tab, complaints)
    yield tab
    context.close()


def listen(tab: Any, complaints: list[str]) -> None:
    """Keep what the tab's console says, with the address that it came from."""
    tab.on(
        "console",
        lambda said: (
            complaints.append(f"{tab.url}: {said.text}") if said.type in ("error", "warning") else None
        ),
    )
    tab.on("pageerror", lambda error: complaints.append(f"{tab.url}: {error}"))


@pytest.fixture
def rows(
    owner: Person, record: Callable[..., Any], failed_record: Callable[..., Any]
) -> list[dict[str, Any]]:
    """Sixty experiences on three tasks, every method, a fifth of them failed."""
    from knowledgebase.experiences.services import record_experiences

    made = []
    for number in range(60):
        method = ("full", "lora", "partial", "probe", "linear")[number % 5]
        failed = number % 5 == 0
        one = failed_record(("oom", "timeout", "diverged")[number % 3]) if failed else record()
        one["task"]["name"] = ("weather notes", "harbour notices", "recipes")[number % 3]
        one["task"]["dataset"]["fingerprint"] = f"rows-sha256:{number % 3:064x}"
        one["pipeline"] = {
            "method": method,
            "hyperparameters": {"learning_rate": 1e-4 * (number + 1), "epochs": 2},
        }
        one["cost"]["evaluation_s"] = 2.0 + number
        if method == "linear":
            one["language_model"] = None
        if not failed:
            one["primary"]["value"] = one["metrics"]["validation"]["f1_macro"] = 0.4 + 0.008 * number
            one["curve"] = [
                {"step": step, "epoch": step / 10, "values": {"loss": 2 / step}} for step in (1, 5, 10, 20)
            ]
        made.append(one)
    results = record_experiences(made, owner=owner.user, team=owner.team)
    assert {result.status for result in results} == {201}
    return made


@pytest.fixture
def search(owner: Person) -> Any:
    """A search that runs: seven trials ended, one in training, twelve in the budget."""
    from django.utils import timezone

    from knowledgebase.searches.models import Dataset, Search, Trial

    now = timezone.now()
    dataset = Dataset.objects.create(
        owner=owner.user, team=owner.team, source="builtin", name="parameter-type", state="ready",
        fingerprint="rows-sha256:" + "0" * 64,
    )  # fmt: skip
    models = {
        "package:sentence-transformers/all-MiniLM-L6-v2@1": 0.6,
        "package:tunelore/untrained-tiny@1": 0.4,
    }
    made = Search.objects.create(
        owner=owner.user, team=owner.team, dataset=dataset, title="parameter-type, score and time",
        sampler="process", objectives=["score", "seconds"], budget_trials=12,
        state="running", started_at=now, slots=2, wall_s=40,
        host_memory_bytes=2 * 2**30, seed=42, gate=True, early_stopping="ceiling",
        prior_summary={
            "neighbours": [
                {"task": "sha256:1", "distance": 0.812, "parts": {}},
                {"task": "sha256:2", "distance": 1.431, "parts": {}},
            ],
            "distributions": {
                "method": {"full": 0.34, "probe": 0.3, "linear": 0.2, "partial": 0.1, "lora": 0.06},
                "language_model": models,
            },
            "uniform": {
                "method": dict.fromkeys(("full", "probe", "linear", "partial", "lora"), 0.2),
                "language_model": dict.fromkeys(models, 0.5),
            },
        },
    )  # fmt: skip
    results = [
        ("linear", 0.61, 0.4),
        ("probe", 0.58, 4.2),
        ("full", 0.66, 21.0),
        ("lora", 0.44, 17.5),
        ("partial", 0.73, 28.0),
    ]
    for number, (method, score, seconds) in enumerate(results, start=1):
        Trial.objects.create(
            search=made, number=number, method=method, language_model="" if method == "linear" else next(iter(models)),
            state="done", status="ok", score=score, seconds=seconds, memory_bytes=2**30, origin="prior",
            started_at=now, finished_at=now,
        )  # fmt: skip
    for number, status in ((6, "timeout"), (7, "oom")):
        Trial.objects.create(
            search=made, number=number, method="full", language_model=next(iter(models)), state="done", status=status,
            phase="train", cause="host", seconds=40.0, memory_bytes=2**31, started_at=now, finished_at=now,
        )  # fmt: skip
    said = {
        "decision": "skip", "rule": "score_below_best", "best": 0.73, "margin": 0.02, "reach": 0.04,
        "chance_of_failing": 0.21, "estimator": "process", "score": [0.41, 0.52, 0.61], "seconds": [19.0, 24.0, 31.0],
        "failing": {"timeout": 0.2, "memory": 0.01, "error": 0.0}, "own_runs": 7, "store_weight": 0.4,
        "proposed_by": "model",
    }  # fmt: skip
    for number, rule in ((9, "score_below_best"), (10, "likely_failure")):
        Trial.objects.create(
            search=made, number=number, method="full", language_model=next(iter(models)), state="skipped",
            why={"gate": {**said, "rule": rule}},
        )  # fmt: skip
    Trial.objects.filter(search=made, number=5).update(
        origin="audit",
        why={
            "score": [0.5, 0.6, 0.7], "seconds": [20.0, 26.0, 33.0], "gain": 0.01, "store_weight": 0.6,
            "own_runs": 4, "failing": said["failing"], "gate": {**said, "decision": "audit"},
        },
    )  # fmt: skip
    Trial.objects.create(
        search=made, number=11, method="partial", language_model=next(iter(models)), state="done", status="pruned",
        cause="ceiling", phase="train", seconds=9.0, memory_bytes=2**30, started_at=now, finished_at=now,
        pruning={"rule": "ceiling", "share": 0.5, "reached": 0.31, "seconds": 9.0, "peers": 4, "ceiling": 0.5,
                 "front_score": 0.61, "front_seconds": 0.4},
    )  # fmt: skip
    Trial.objects.create(
        search=made, number=8, method="lora", language_model=next(iter(models)), state="running", attempt=1,
        lease_until=now, started_at=now, progress={"phase": "train", "step": 12},
    )  # fmt: skip
    return made
