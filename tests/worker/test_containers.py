"""The processes of the containers, started by hand on real PostgreSQL and Redis, with a search through them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cast import require
from tests.containers import ROOT, command_of, environment_of
from tests.parts import free_port
from tests.worker.test_real_workers import own_database, short_rows

# As in the web image, which has none of these.
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "peft", "accelerate"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


@dataclass
class Containers:
    """Environment and folder of the processes, and where the web server listens."""

    environment: dict[str, str]
    folder: Path
    port: int

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )

    def start(self, service: str, **more: str) -> subprocess.Popen[bytes]:
        python, *words = command_of(service)
        assert python == "python", "in the image that is the interpreter of the packages, as here"
        if service == "web":  # the container's network is its own; this machine's is not
            words += ["--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / f"{service}.log").open("wb") as output:
            return subprocess.Popen(
                [sys.executable, *words],
                cwd=ROOT, env={**self.environment, **more}, stdout=output, stderr=output,
            )  # fmt: skip

    def logs(self) -> str:
        return "\n".join(f"{log.name}:\n{log.read_text()[-1500:]}" for log in self.folder.glob("*.log"))

    def ask(self, token: str, path: str, body: object = None) -> Any:
        return self.send(token, path, None if body is None else json.dumps(body).encode(), "application/json")

    def upload(self, token: str, rows: str) -> Any:
        parts = [
            f'name="{name}"\r\n\r\n{value}'
            for name, value in (("text_columns", "text"), ("label_column", "label"))
        ]
        parts.append(f'name="file"; filename="rows.csv"\r\nContent-Type: text/csv\r\n\r\n{rows}')
        body = (
            "".join(f"--cut\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + "--cut--\r\n"
        )
        return self.send(token, "datasets/", body.encode(), "multipart/form-data; boundary=cut")

    def send(self, token: str, path: str, data: bytes | None, kind: str) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        # As the proxy passes it on; without this header the hub sends the browser to https.
        headers |= {"X-Forwarded-Proto": "https", "Host": "tunelore.example.org"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/{path}", data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def wait(self, what: str, holds: Any, seconds: float = 120.0) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds} s: {what}\n{self.logs()}"
            time.sleep(0.3)


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[Containers]:
    database, broker = (os.environ.get(f"TUNELORE_{part}_URL", "") for part in ("DATABASE", "TEST_REDIS"))
    if not database.startswith("postgres"):
        pytest.skip(
            "runs with the tests on PostgreSQL: python tests/parts.py --postgres --redis -- pytest ..."
        )
    require(not broker, "Redis (python tests/parts.py --postgres --redis -- pytest)")
    with own_database(database) as url:
        environment = environment_of("web", tmp_path / "home") | {
            "TUNELORE_DATABASE_URL": url, "TUNELORE_BROKER_URL": broker, "TUNELORE_CACHE_URL": broker,
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }  # fmt: skip
        yield Containers(environment, tmp_path, free_port())


@pytest.fixture
def processes(containers: Containers) -> Iterator[Containers]:
    """All three, with the database prepared; the web process without what its image leaves out."""
    prepared = containers.manage("prepare")
    assert prepared.returncode == 0, prepared.stderr
    assert "as administrator: https://tunelore.example.org/accounts/login/" in prepared.stdout
    shim = containers.folder / "without"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text(WITHOUT)
    path = os.pathsep.join(filter(None, [str(shim), containers.environment["PYTHONPATH"]]))
    running = [
        containers.start("web", PYTHONPATH=path),
        containers.start("control"),
        containers.start("trials"),
    ]
    yield containers
    for process in running:
        process.terminate()
    for process in running:
        assert process.wait(timeout=30) in (0, -15), containers.logs()


def test_a_search_through_the_containers_processes(processes: Containers) -> None:
    for role in ("web", "control", "trials"):
        words = ("health", role, *(("--port", str(processes.port)) if role == "web" else ()))
        processes.wait(f"{role} to be healthy", lambda words=words: processes.manage(*words).returncode == 0)
    scopes = "experiences:read,experiences:write,searches:write"
    token = processes.manage("create_token", "--name", "t", "--scopes", scopes).stdout.split()[-1]
    made = processes.upload(token, short_rows())
    asked = {
        "dataset": made["id"], "budget": {"trials": 2}, "methods": ["linear"], "seed": 1,
        "limits": {"wall_s": 60},
    }  # fmt: skip
    search = processes.ask(token, "searches/", asked)["id"]
    processes.wait(
        "the search to end",
        lambda: processes.ask(token, f"searches/{search}/")["state"] in ("done", "failed"),
    )
    found = processes.ask(token, f"searches/{search}/")
    assert (found["state"], found["trials_done"], found["problem"]) == ("done", 2, {})
    assert found["report"]["best"]["score"] > 0.3


def test_a_process_that_is_not_there_is_unhealthy(containers: Containers) -> None:
    assert containers.manage("prepare", "--quiet").returncode == 0
    web = containers.manage("health", "web", "--port", str(containers.port))
    assert web.returncode == 1
    assert "does not answer" in web.stderr
    worker = containers.manage("health", "trials")
    assert worker.returncode == 1
    assert "does not answer within" in worker.stderr
