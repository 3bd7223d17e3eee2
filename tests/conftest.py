"""The ground of every test: a home folder and a database of its own; the people are in cast.py.

It must run before the settings are read, so it sets the environment first and then sets Django up.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import hypothesis
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
    # A shell starts its background jobs deaf to Ctrl-C, and every process of a test would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
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
from django.core.cache import cache  # noqa: E402
from django.db import connections  # noqa: E402

pytest_plugins = ["tests.cast"]
# How fast examples are made says more about the machine than about a test; neighbours may be loud.
hypothesis.settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """SQLite in a file, as hubs have it: only there do transactions of two threads meet for real."""
    if connections.settings["default"]["ENGINE"].endswith("sqlite3"):
        connections["default"].settings_dict["TEST"]["NAME"] = str(settings.HOME / "test.sqlite3")


@pytest.fixture(autouse=True)
def _nobody_is_throttled() -> Iterator[None]:
    """Throttles count in the cache, which outlives a test."""
    yield
    cache.clear()
