"""The house keeps its shape: sizes, names and paths that other checks do not see."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES, MOST_TEST_LINES, MOST_FUNCTION_LINES = 400, 600, 60
MOST_BYTES = 2_000_000


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout: the list of the project's own files is not known")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def python_files() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py" and "migrations" not in path.parts]


def test_files_stay_short() -> None:
    too_long = {}
    for path in python_files():
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > (MOST_TEST_LINES if "tests" in path.parts else MOST_LINES):
            too_long[str(path.relative_to(ROOT))] = lines
    assert too_long == {}


def test_every_test_file_is_collected() -> None:
    folders = ("unit", "api", "worker", "browser")
    stray = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if any(path.is_relative_to(ROOT / "tests" / folder) for folder in folders)
        and re.search(r"^\s*(async )?def test_", path.read_text(encoding="utf-8"), re.MULTILINE)
        and not path.name.startswith("test_")
    ]
    assert stray == []


def test_no_large_file_but_the_starter() -> None:
    large = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.stat().st_size > MOST_BYTES and "starter" not in path.parts
    ]
    assert large == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/design.md", "THREAT_MODEL.md"])
def test_pages_name_only_paths_that_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:knowledgebase|automl|tests|examples|docs|logging_client)/[\w./-]*[\w-])`", text)
    named += [target for target in re.findall(r"\]\(([\w./-]+)\)", text) if "://" not in target]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text
