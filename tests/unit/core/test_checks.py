"""The checks of the configuration find what would let others in."""

from __future__ import annotations

import pytest

from knowledgebase.core import checks


@pytest.fixture
def home(tmp_path, settings):
    tmp_path.chmod(0o700)
    settings.HOME = tmp_path
    return tmp_path


def ids(messages):
    return [message.id for message in messages]


def test_a_private_home_is_fine(home):
    (home / "secret_key").touch(mode=0o600)
    assert checks.home_is_private(None) == []


def test_an_open_home_and_key_are_found(home):
    (home / "secret_key").touch(mode=0o644)
    home.chmod(0o755)
    assert ids(checks.home_is_private(None)) == ["tunelore.W001", "tunelore.E001"]


@pytest.mark.parametrize("key", ["short", "a" * 64, "django-insecure-" + "abcdefgh" * 8])
def test_weak_keys_are_found(settings, key):
    settings.SECRET_KEY = key
    assert ids(checks.key_is_strong(None)) == ["tunelore.E002"]


def test_debug_pages_are_for_this_machine_alone(settings):
    settings.DEBUG, settings.ALLOWED_HOSTS = True, ["localhost"]
    assert checks.debug_stays_home(None) == []
    settings.ALLOWED_HOSTS = ["localhost", "hub.example"]
    assert ids(checks.debug_stays_home(None)) == ["tunelore.E003"]
