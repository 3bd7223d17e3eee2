"""What the documentation tells people to run: docs/engine.md word for word but shorter, docs/api.md by its names."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tunelore

from automl import testing

ROOT = Path(__file__).resolve().parents[2]
SHORTER = {
    "wall_s=60": "wall_s=240",  # of a machine where much else is at work
    "range(12)": "range(1)",
    "train_rows=200": "train_rows=40",
    "validation_rows=200": "validation_rows=40",
    "test_rows=200": "test_rows=40",
}


def examples(page: str) -> list[str]:
    """The blocks of Python of a page of the documentation, in order."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)


def printed_by(example: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", example],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.embedded
@pytest.mark.training
def test_the_engine_without_the_hub(tmp_path: Path, checkpoint: object) -> None:
    example = examples("engine.md")[0]
    for long, short in SHORTER.items():
        assert example.count(long) == 1
        example = example.replace(long, short)
    assert "Outcome(number=" in printed_by(example, tmp_path)


def test_its_warm_start_and_what_a_proposal_says_of_itself(tmp_path: Path) -> None:
    _, told, _, example = examples("engine.md")
    said = printed_by(f"{example}\nprint(sorted(Engine(space, prior=prior).ask()[0].why))", tmp_path)
    neighbours, *proposals, words = said.strip().splitlines()
    assert "news" in neighbours
    assert len(proposals) == 1
    assert proposals[0].count("Proposal(") == 3
    assert words == str(sorted(ast.literal_eval(told)))


def test_its_suite_for_a_sampler_of_ones_own_runs() -> None:
    """As it stands there, but for a sampler that there is."""
    example = examples("engine.md")[2]
    assert example.count('"mine"') == 1
    names: dict[str, Any] = {"SamplerSuite": testing.SamplerSuite}
    exec(example.replace('"mine"', '"replay"'), names)
    suite = names["TestMine"]()
    assert suite.engine().sampler.__class__.__name__ == "ReplaySampler"
    suite.test_asking_for_several_is_asking_one_by_one()


def test_the_client_of_the_api_has_every_name_that_its_page_uses() -> None:
    """The example of docs/api.md, with each call's name and arguments held against the client."""
    [example] = examples("api.md")
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
