"""What the documentation tells people to run, run: the code blocks of docs/engine.md, word for word but shorter."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHORTER = {"range(12)": "range(1)", "train_rows=200": "train_rows=40"}


@pytest.mark.training
def test_the_engine_without_the_hub(tmp_path: Path, checkpoint: object) -> None:
    page = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    for long, short in SHORTER.items():
        assert example.count(long) == 1
        example = example.replace(long, short)
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", example],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Outcome(number=" in done.stdout
