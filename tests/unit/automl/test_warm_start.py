"""The warm-start bench on a small invented table with a known structure: warm has to beat cold there."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from automl.testing import World
from automl.values import Pipeline

BENCH = "bench_warm_start"
WORLD = World()
TASKS = 5


def record(key: str, task: int, pipeline: Pipeline) -> dict[str, object]:
    """What the bench reads of a record."""
    status, cause, score, seconds = WORLD.result(pipeline, task)
    model = None
    if pipeline.language_model is not None:
        source, _, rest = pipeline.language_model.partition(":")
        name, _, revision = rest.partition("@")
        model = {"source": source, "name": name, "revision": revision}
    return {
        "id": key,
        "task": {
            "name": f"task {task}",
            "dataset": {"fingerprint": f"rows-{task}"},
            "metafeatures": {"values": WORLD.metafeatures(task)},
        },
        "language_model": model,
        "pipeline": {"method": pipeline.method, "hyperparameters": dict(pipeline.hyperparameters)},
        "outcome": {"status": status, "cause": cause},
        "primary": None if score is None else {"value": score},
        "cost": {"evaluation_s": seconds},
        "limits": {"wall_s": WORLD.limits.wall_s, "host_memory_bytes": WORLD.limits.host_memory_bytes},
    }


@pytest.fixture(scope="module")
def table_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pipelines = WORLD.space.sample(np.random.default_rng(4), 16)
    path = tmp_path_factory.mktemp("table") / "table.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for task in range(TASKS):
            for place, pipeline in enumerate(pipelines):
                lines.write(json.dumps(record(f"{task}-{place}", task, pipeline)) + "\n")
    return path


def test_warm_beats_cold_and_knowledge_beats_its_shuffled_self(bench: ModuleType, table_file: Path) -> None:
    table = bench.read_table(table_file)
    assert len(table.tasks) == TASKS
    curves = bench.all_curves(table, ["cold", "warm", "shuffled"], seeds=6)
    for rival in ("cold", "shuffled"):
        gain, error = bench.difference(curves, ("warm", rival), "hypervolume", 4)
        assert gain > 2 * error
        assert gain > 0.05


def test_every_row_is_picked_once(bench: ModuleType, table_file: Path) -> None:
    table = bench.read_table(table_file)
    task = next(iter(table.tasks))
    for arm in bench.ARMS:
        curve = bench.search(table, task, arm, seed=1)
        values = curve.values["hypervolume"]
        assert len(values) == 8
        assert values == sorted(values)
        assert values[-1] <= 1


def test_it_writes_its_figures(
    bench: ModuleType, table_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "warm-start.json"
    assert bench.main(["--table", str(table_file), "--target", str(target), "--seeds", "1"]) == 0
    written = json.loads(target.read_text(encoding="utf-8"))
    assert {"machine", "versions", "seeds", "rows", "bars"} <= set(written)
    assert "warm_minus_cold_hv_8" in written["bars"]
    assert "warm - cold" in capsys.readouterr().out


def test_too_small_a_table_is_said(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "empty.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8"):
        pass
    assert bench.main(["--table", str(path), "--target", str(tmp_path / "out.json")]) == 1
    assert "3 are needed" in capsys.readouterr().out
