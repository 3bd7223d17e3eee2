"""What types cannot catch in a configuration, found at start: who can read the home folder, how good the key is.

It knows nothing of the apps. Errors stop the start; warnings are for hubs that others can reach.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

SHORTEST_KEY = 32
LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}


def open_to_others(path: Path) -> bool:
    """Whether the group or everybody may read or enter it."""
    return path.exists() and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def home_is_private(app_configs: Sequence[AppConfig] | None, **_options: object) -> list[CheckMessage]:
    """The database, the secret key and the uploads stand there."""
    found: list[CheckMessage] = []
    if open_to_others(settings.HOME):
        hint = f"chmod 700 {settings.HOME}"
        found.append(Warning("other users can enter TUNELORE_HOME", hint=hint, id="tunelore.W001"))
    key = settings.HOME / "secret_key"
    if open_to_others(key):
        hint = f"chmod 600 {key}; delete it to get a new one (everybody signs in again)"
        found.append(Error("other users can read the secret key", hint=hint, id="tunelore.E001"))
    return found


def key_is_strong(app_configs: Sequence[AppConfig] | None, **_options: object) -> list[CheckMessage]:
    """Sessions are signed with it; a known or short one lets anybody sign in as anybody."""
    key = settings.SECRET_KEY
    if len(key) >= SHORTEST_KEY and len(set(key)) >= 8 and not key.startswith("django-insecure-"):
        return []
    hint = "unset TUNELORE_SECRET_KEY to have one made, or give at least 32 random characters"
    return [Error("the secret key is short or a known default", hint=hint, id="tunelore.E002")]


def debug_stays_home(app_configs: Sequence[AppConfig] | None, **_options: object) -> list[CheckMessage]:
    """Debug pages show settings and local variables."""
    if not settings.DEBUG or set(settings.ALLOWED_HOSTS) <= LOCAL_HOSTS:
        return []
    hint = "unset TUNELORE_DEBUG, or TUNELORE_ALLOWED_HOSTS and TUNELORE_PUBLIC_URL"
    return [Error("TUNELORE_DEBUG is on for a hub that others can reach", hint=hint, id="tunelore.E003")]


CHECKS = (home_is_private, key_is_strong, debug_stays_home)
