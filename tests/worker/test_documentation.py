"""What the documentation tells people to run: docs/engine.md word for word but shorter, docs/api.md by its names."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tunelore

ROOT = Path(__file__).resolve().parents[2]
SHORTER = {
    "range(12)": "range(1)",
    "train_rows=200": "train_rows=40",
    "validation_rows=200": "validation_rows=40",
    "test_rows=200": "test_rows=40",
}


@pytest.mark.embedded
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


def test_the_client_of_the_api_has_every_name_that_its_page_uses() -> None:
    """The example of docs/api.md, with each call's name and arguments held against the client."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    hub = tunelore.Hub("http://127.0.0.1:9", patience_s=0)
    calls = [node for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Call)]
    named = [
        (node.func.attr, [key.arg for key in node.keywords], len(node.args))
        for node in calls
        if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "hub"
    ]
    assert len(named) >= 6
    for name, keywords, places in named:
        inspect.signature(getattr(hub, name)).bind(*[None] * places, **dict.fromkeys(map(str, keywords)))
