"""The benches as modules, for the tests that hold them to what they say."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHES = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """The bench that a test file names in `BENCH`; it and what it brought from beside it are forgotten again."""
    path, before = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(BENCHES))
    yield importlib.import_module(request.module.BENCH)
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(BENCHES):
            del sys.modules[name]
