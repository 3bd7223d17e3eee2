"""The demo on a dataset and language models of the HF Hub, as far as a server on this machine can stand for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from tests.hf_hub import Hub, serving
from tests.parts import free_port
from tests.tiny import make_checkpoint

ROOT = Path(__file__).resolve().parents[2]


def sst2(hub: Hub, folder: Path) -> None:
    """Files named and typed as those of the real repository: test rows carry no label but -1."""
    folder.mkdir()
    for split, count in (("train", 120), ("validation", 40), ("test", 10)):
        columns = {
            "idx": range(count),
            "sentence": [
                f"{('a warm and lovely film', 'a cold and empty film')[n % 2]} {n} " for n in range(count)
            ],
            "label": [-1 if split == "test" else n % 2 for n in range(count)],
        }
        parquet.write_table(pyarrow.table(columns), folder / f"{split}-00000-of-00001.parquet")
    hub.dataset("stanfordnlp/sst2").commit(
        {f"data/{path.name}": path.read_bytes() for path in folder.iterdir()}
    )


def demo(tmp_path: Path, endpoint: str) -> subprocess.CompletedProcess[str]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    environment = {**os.environ, "TUNELORE_HOME": str(home), "HF_ENDPOINT": endpoint}
    command = [
        sys.executable,
        "examples/demo.py",
        "--hub",
        "--trials",
        "3",
        "--rows",
        "100",
        "--port",
        str(free_port()),
    ]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.embedded
@pytest.mark.training
@pytest.mark.timeout(600)
def test_the_demo_from_the_hf_hub(tmp_path: Path) -> None:
    with serving() as hub:
        sst2(hub, tmp_path / "sst2")
        for name in ("paraphrase-MiniLM-L3-v2", "all-MiniLM-L6-v2"):
            made = make_checkpoint(tmp_path / name, "bert")
            hub.model(f"sentence-transformers/{name}").commit(
                {path.name: path.read_bytes() for path in made.iterdir()}
            )
        done = demo(tmp_path, hub.url)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "A search on stanfordnlp/sst2" in done.stdout
    assert "difference" in done.stdout
    assert "nothing is left running" in done.stdout


def test_an_hf_hub_out_of_reach_is_said_at_once(tmp_path: Path) -> None:
    done = demo(tmp_path, f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "does not answer" in done.stdout
    assert "A hub on its embedded default" not in done.stdout
