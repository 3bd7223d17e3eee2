"""`make test` says of a stage that it passed only where it ran something."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import run

BODIES = {
    "all of it was skipped": "import pytest\n\n@pytest.mark.skip(reason='no server')\ndef test_it():\n    pass\n",
    "nothing is there": None,
    "it was deselected": "import pytest\n\n@pytest.mark.embedded\ndef test_it():\n    pass\n",
}


def ended(folder: Path, body: str | None, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    tests = folder / "tests"
    tests.mkdir()
    if body is not None:
        (tests / "test_one.py").write_text(body)
    (folder / "good").mkdir()
    (folder / "good" / "test_two.py").write_text("def test_it():\n    pass\n")
    stages = (
        run.Stage("postgres", (str(tests),), options=("-c", "/dev/null", *options)),
        run.Stage("unit", (str(folder / "good"),), options=("-c", "/dev/null")),
    )
    monkeypatch.setattr(run, "FULL", stages)
    monkeypatch.setattr(run, "REPORTS", folder / "reports")
    monkeypatch.setattr(sys, "argv", ["run.py"])
    return run.main()


@pytest.mark.parametrize("case", BODIES)
def test_a_stage_that_ran_nothing_has_not_passed(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(tmp_path, BODIES[case], monkeypatch, "-m", "not embedded") == 1
    said = capsys.readouterr().out
    assert "not passed: postgres" in said
    assert "1 passed, 1 failed" in said


def test_stages_that_ran_have_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(tmp_path, "def test_it():\n    pass\n", monkeypatch) == 0
