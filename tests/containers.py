"""What the container files say: services, their commands, and the environment that their processes see."""

from __future__ import annotations

import json
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
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
STAGES: list[str] = re.split(r"^FROM \S+ AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)


def command_of(service: str) -> list[str]:
    """The words that start a service's container: its own in compose.yml, else the CMD of its image."""
    if "command" in SERVICES[service]:
        words: list[str] = SERVICES[service]["command"]
    else:
        stage = STAGES[STAGES.index(SERVICES[service]["build"]["target"]) + 1]
        [line] = re.findall(r"^CMD (\[.*\])$", stage, re.MULTILINE)
        words = json.loads(line)
    return [re.sub(r"\$\{\w+:-(\w+)\}", r"\1", word) for word in words]


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
        name: re.sub(r"\$\{(\w+)(?::-([^}]*))?(?::\?[^}]*)?\}", value, text)
        for name, text in SERVICES[service]["environment"].items()
    }
    return {**plain, **own, "TUNELORE_HOME": str(home), "TUNELORE_LOG_FORMAT": "json"}
