"""The HF Hub of the tests, and a place to fetch to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from automl.sources.hub.store import HubStore
from tests.hf_hub import Hub, serving


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A server that answers as the HF Hub does; HF_ENDPOINT names it, and no token is set."""
    with serving() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield running


@pytest.fixture
def store(tmp_path: Path) -> HubStore:
    return HubStore(cache=str(tmp_path / "cache"), pause_s=0.01, wait_s=3.0)


@pytest.fixture
def left(tmp_path: Path) -> Callable[[], list[str]]:
    """Names of all files that lie in the cache; locks apart, which hold nothing."""

    def listed() -> list[str]:
        files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        return sorted(str(path.relative_to(tmp_path / "cache")) for path in files if path.suffix != ".lock")

    return listed
