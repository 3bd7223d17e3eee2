"""MLflow's tracking server on the same PostgreSQL, in an environment of its own, filled in bulk.

Made by `make bench-store` below build/bench; nothing of it is installed beside TuneLore.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REQUIREMENTS = ("mlflow==3.17.2", "psycopg2-binary")
EXPERIMENT = "bench"
# Runs as MLflow stores them: metrics twice (all, latest), parameters, tags. Its own tables, made by itself before.
FILL = """
import random, sys, time
from sqlalchemy import create_engine, insert, select, func
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
url, folder, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = SqlAlchemyStore(url, folder)
known = store.get_experiment_by_name("bench")
experiment = int(known.experiment_id if known else store.create_experiment("bench"))
engine, chance = create_engine(url), random.Random(1)
with engine.begin() as connection:
    there = connection.execute(select(func.count()).select_from(SqlRun)).scalar()
    runs, params, metrics, latest, tags = [], [], [], [], []
    for place in range(there, number):
        key, at = f"{place:032x}", 1_700_000_000_000 + 180_000 * place
        runs.append(dict(run_uuid=key, name=f"run {place}", source_type="LOCAL", source_name="train.py", user_id="a",
                         entry_point_name="", status="FINISHED", start_time=at, end_time=at + 60_000,
                         deleted_time=None, source_version="", lifecycle_stage="active",
                         artifact_uri=f"{folder}/{key}", experiment_id=experiment))
        chosen = dict(method=chance.choice(["full", "lora", "probe"]), learning_rate=10 ** chance.uniform(-5, -2),
                      epochs=chance.randint(1, 10), batch_size=chance.choice([8, 16, 32]), task=f"task {place % 100}")
        params += [dict(key=name, value=str(value), run_uuid=key) for name, value in chosen.items()]
        for name in ("accuracy", "f1_macro", "seconds", "memory", "loss"):
            one = dict(key=name, value=chance.random(), timestamp=at, step=0, is_nan=False, run_uuid=key)
            metrics.append(one); latest.append(one)
        tags += [dict(key=name, value="x", run_uuid=key) for name in ("mlflow.user", "mlflow.source.name")]
    pairs = [(SqlRun, runs), (SqlParam, params), (SqlMetric, metrics), (SqlLatestMetric, latest), (SqlTag, tags)]
    for model, rows in pairs:
        for at in range(0, len(rows), 5000):
            connection.execute(insert(model), rows[at:at + 5000])
with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
    connection.exec_driver_sql("ANALYZE")
print(experiment)
"""


def environment(folder: Path) -> Path:
    """The environment's Python; made at the first call (a few minutes, 1 GB)."""
    python = folder / "bin" / "python"
    if not (folder / "bin" / "mlflow").exists():
        print("installing MLflow into an environment of its own (once)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *REQUIREMENTS], check=True)
    return python


def fill(python: Path, url: str, artifacts: Path, runs: int) -> str:
    """So many runs in one experiment, whose id is returned; what is there stays."""
    command = [python, "-c", FILL, url, str(artifacts), str(runs)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.split()[-1]


def command(python: Path, url: str, artifacts: Path, port: int) -> list[str]:
    """What serves it: one worker, as TuneLore's server has beside it."""
    return [
        str(python), "-m", "mlflow", "server", "--backend-store-uri", url, "--default-artifact-root", str(artifacts),
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
