"""The client's README names every argument, command and environment variable there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from tunelore import TuneLoreCallback
from tunelore.cli import COMMANDS

CLIENT = Path(__file__).parents[3] / "logging_client"
README = (CLIENT / "README.md").read_text(encoding="utf-8")
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in (CLIENT / "src").rglob("*.py"))
ARGUMENTS = [name for name in inspect.signature(TuneLoreCallback).parameters]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_argument_is_explained(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", sorted(set(re.findall(r"TUNELORE_[A-Z]+", SOURCE))))
def test_every_variable_is_explained(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_explained(command: str) -> None:
    assert f"tunelore {command}" in README
