"""What the container files say: services, their commands, and the environment that their processes see."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
FILES = ("compose.yml", "compose.gpu.yml")
COMPOSE: dict[str, Any] = {name: yaml.safe_load((ROOT / "docker" / name).read_text()) for name in FILES}
SERVICES: dict[str, Any] = COMPOSE["compose.yml"]["services"]


def environment_of(service: str, home: Path) -> dict[str, str]:
    """What the processes of a service see, with the values of a real installation."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TUNELORE_")}
    given = {
        "TUNELORE_PUBLIC_URL": "https://tunelore.example.org",
        "TUNELORE_SECRET_KEY": secrets.token_urlsafe(48),
        "TUNELORE_DATABASE_PASSWORD": "secret",
        "TUNELORE_REDIS_PASSWORD": "secret",
    }

    def value(match: re.Match[str]) -> str:
        return given.get(match[1], match[2] or "")

    own = {
        name: re.sub(r"\$\{(\w+)(?::-(\w*))?(?::\?[^}]*)?\}", value, text)
        for name, text in SERVICES[service]["environment"].items()
    }
    return {**plain, **own, "TUNELORE_HOME": str(home), "TUNELORE_LOG_FORMAT": "json"}
