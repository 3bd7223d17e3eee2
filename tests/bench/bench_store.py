"""How does the store behave with a million experiences? On PostgreSQL, beside MLflow's server on the same one.

`python tests/bench/bench_store.py [--quick]`. The first run fills the store (seeded, by COPY; tens of minutes) in a
folder that is kept (`--folder`; a cluster below /var/tmp by default, since the server may have to run as another
user); later runs measure at once. Measured: the first page of the list and the 40 queries of store/queries.py
through the whole application in this machine's memory, pages that sum over everything, nearest tasks, batches and
eight single senders; then the same page of MLflow with 10,000 runs and ours with all experiences over HTTP, in turn.
SQLite is filled with 100,000 and asked the same queries. Writes build/bench/store.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "logging_client" / "src")]

from tests.bench import results  # noqa: E402
from tests.bench.store import clients, peer  # noqa: E402
from tests.parts import free_port, postgres  # noqa: E402

BUILD = ROOT / "build" / "bench"
# What is acknowledged is on disk, as in any hub and any MLflow server; the suite's servers do without.
SERVER = {
    "shared_buffers": "1GB", "maintenance_work_mem": "512MB", "max_wal_size": "4GB",
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
}  # fmt: skip
SINGLES = 400
PAGE = 50


def part(name: str, environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """One part of the hub's side, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.store.hub_side", name, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, check=True, stdout=subprocess.PIPE
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    shown = {key: value for key, value in found.items() if key not in ("rows", "token")}
    print(f"{name:12} {json.dumps(shown)}", flush=True)
    return found


def home(name: str) -> Path:
    folder = BUILD / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def made(url: str, name: str) -> str:
    """The database of this name in a cluster, made where it is not there; its URL."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if found is None:
            connection.execute(f'CREATE DATABASE "{name}"')
    return url.rpartition("/")[0] + f"/{name}"


def on_postgres(options: argparse.Namespace, cluster: str) -> dict[str, Any]:
    environment = {"TUNELORE_HOME": str(home("store-home")), "TUNELORE_DATABASE_URL": made(cluster, "store")}
    size = ("--experiences", str(options.experiences), "--tasks", str(options.tasks))
    found = {"fill": part("fill", environment, *size)}
    found["queries"] = part("queries", environment, "--rounds", str(options.rounds))
    found["pages"] = part("pages", environment)
    found["neighbours"] = part("neighbours", environment)
    found["batch"] = part("batch", environment)
    return found | beside_mlflow(options, cluster, environment)


def beside_mlflow(options: argparse.Namespace, cluster: str, environment: dict[str, str]) -> dict[str, Any]:
    """Over HTTP: eight senders; then the same page, filter and order of both servers in turn."""
    from tests.bench.store.hub_side import set_up

    os.environ |= environment
    set_up()
    from knowledgebase.experiences.management.commands.make_experiences import invented

    ours, theirs = free_port(), free_port()
    python = peer.environment(BUILD / "mlflow-env")
    url = made(cluster, "mlflow").replace("postgres://", "postgresql+psycopg2://")
    artifacts = home("mlflow-artifacts")
    experiment = peer.fill(python, url, artifacts, options.runs)
    gunicorn = [
        sys.executable, "-m", "gunicorn", "knowledgebase.wsgi", "--bind", f"127.0.0.1:{ours}",
        "--workers", "2", "--threads", "4", "--worker-class", "gthread",
    ]  # fmt: skip
    server = {
        **os.environ, "TUNELORE_ALLOWED_HOSTS": "127.0.0.1", "TUNELORE_LOG_LEVEL": "ERROR",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'logging_client' / 'src'}", "TUNELORE_RATE_USER": "off",
    }  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(clients.serving(gunicorn, ours, "/health/ready", BUILD / "hub.log", server))
        reader = part("token", environment)["token"]
        records = list(invented(SINGLES, seed=os.getpid() + 10**6, on_tasks=100))
        found: dict[str, Any] = {"single": clients.at_once(ours, reader, records)}
        print(f"{'single':12} {json.dumps(found['single'])}", flush=True)
        serve = peer.command(python, url, artifacts, theirs)
        log = BUILD / "mlflow.log"
        stack.enter_context(clients.serving(serve, theirs, "/health", log, dict(os.environ)))
        query = "limit=50&order=-received&filter=metrics.validation.accuracy%20%3E%200.5"
        search = {
            "experiment_ids": [experiment], "max_results": PAGE, "filter": "metrics.accuracy > 0.5",
            "order_by": ["attributes.start_time DESC"],
        }  # fmt: skip
        asked: dict[str, tuple[int, str, str, Any, str]] = {
            "tunelore": (ours, "GET", f"/api/v1/experiences/?{query}", None, reader),
            "mlflow": (theirs, "POST", "/api/2.0/mlflow/runs/search", search, ""),
        }
        found["http"] = clients.in_turn(asked, options.http_rounds)
        print(f"{'http':12} {json.dumps(found['http'])}", flush=True)
    return found


def on_sqlite(options: argparse.Namespace) -> dict[str, Any]:
    environment = {"TUNELORE_HOME": str(home("store-sqlite")), "TUNELORE_DATABASE_URL": ""}
    size = ("--experiences", str(options.sqlite), "--tasks", str(max(60, options.sqlite // 100)))
    found = {"fill": part("fill", environment, *size)}
    return found | {"queries": part("queries", environment, "--rounds", str(options.rounds))}


def bars(found: dict[str, Any]) -> dict[str, float]:
    """The figures that have a bound; ratio above 1: ours is faster."""
    large, small = found["postgresql"], found["sqlite"]
    return {
        "list_p95_ms": large["queries"]["list_p95_ms"],
        "query_p95_ms": large["queries"]["query_p95_ms"],
        "neighbours_ms": large["neighbours"]["neighbours_ms"],
        "batch_per_s": large["batch"]["batch_per_s"],
        "single_per_s": large["single"]["single_per_s"],
        "mlflow_list_ratio": large["http"]["mlflow"]["p50_ms"] / large["http"]["tunelore"]["p50_ms"],
        "sqlite_query_p95_ms": small["queries"]["query_p95_ms"],
    }


def report(found: dict[str, Any], options: argparse.Namespace) -> None:
    from tunelore import describe

    conditions = describe.conditions(measure=False)
    document = {
        "machine": {**describe.system()["features"], "load": conditions["load"]},
        "versions": {"python": platform.python_version(), "mlflow": peer.REQUIREMENTS[0]},
        "seeds": [1, 9],
        "experiences": options.experiences,
        "rows": [{"database": name, **parts} for name, parts in found.items()],
        "bars": bars(found),
    }
    slowest = sorted(found["postgresql"]["queries"]["rows"], key=lambda row: -row["median_ms"])[:5]
    print("\nslowest of the list:")
    for row in slowest:
        print(f"{row['median_ms']:9.0f} ms  {row['query']}")
    print("\npages, with nothing kept and again:")
    for name, times in found["postgresql"]["pages"]["pages"].items():
        print(f"{times['first_ms']:9.0f} ms  {times['again_ms']:6.0f} ms  {name}")
    print("\n" + "\n".join(f"{name:20} {value:10.1f}" for name, value in document["bars"].items()))
    results.write(document, BUILD / "store.json")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiences", type=int, default=1_000_000)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=10_000, help="of MLflow")
    parser.add_argument("--sqlite", type=int, default=100_000, help="experiences on SQLite")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--http-rounds", type=int, default=15)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/tunelore-bench-store"))
    parser.add_argument(
        "--quick", action="store_true", help="20,000 experiences, 200 tasks; a folder of its own"
    )
    options = parser.parse_args()
    if options.quick:
        options.experiences, options.tasks, options.runs, options.sqlite = 20_000, 200, 1_000, 5_000
        options.folder = options.folder.with_name(options.folder.name + "-quick")
    BUILD.mkdir(parents=True, exist_ok=True)
    with postgres(options.folder, **SERVER) as cluster:
        found = {"postgresql": on_postgres(options, cluster)}
    found["sqlite"] = on_sqlite(options)
    report(found, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
