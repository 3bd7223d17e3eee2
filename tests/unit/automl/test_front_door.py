"""`from automl import ...`: every name is there, from where it lives, and none is fetched before it is used."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import automl

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", automl.__all__)
def test_every_name_is_what_its_module_has(name: str) -> None:
    [home] = [home for home, names in automl._HOMES.items() if name in names]
    assert getattr(automl, name) is getattr(import_module(home), name)


def test_what_is_offered_is_what_has_a_home() -> None:
    assert sorted(automl.__all__) == sorted(name for names in automl._HOMES.values() for name in names)
    with pytest.raises(AttributeError, match=r"automl has no 'Engin'; it offers .*\bEngine\b"):
        automl.Engin  # type: ignore[attr-defined]  # noqa: B018


def test_a_part_of_the_library_does_not_bring_the_rest() -> None:
    code = (
        "import sys, automl.neighbours; print(sorted(one for one in sys.modules if one.startswith('automl')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(["automl", "automl.errors", "automl.neighbours", "automl.values"])


def test_the_warm_start_of_the_page_runs_as_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/engine.md, with that page alone in hand; its other example trains, and is run in tests/worker."""
    page = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
    [example] = [
        one for one in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL) if "Evidence(" in one
    ]
    exec(compile(example, "docs/engine.md", "exec"), {})
    said = capsys.readouterr().out
    assert "Neighbour(task='news'" in said
    assert said.count("Proposal(number=") == 3
