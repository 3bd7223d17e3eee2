"""The trackers that are compared: the environment they live in, what points them to a hub, and their processes."""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PINS = ("mlflow==3.17.2", "wandb==0.31.0", "trackio==0.43.0")
PEERS = ("mlflow", "wandb", "trackio")
CHILD = Path(__file__).with_name("child.py")
LIMIT_S = 45.0


def environment_of(folder: Path, hub: str = "") -> dict[str, str]:
    """Each tracker writes into this folder; with `hub` each is told to send there."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TUNELORE_", "MLFLOW_", "WANDB_", "TRACKIO_"))
    }
    fixed = {
        "PYTHONPATH": str(ROOT / "logging_client" / "src"),
        "OMP_NUM_THREADS": "1",
        "TUNELORE_SPOOL": str(folder / "spool"),
        "WANDB_DIR": str(folder),
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_PROJECT": "bench",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "TRACKIO_DIR": str(folder / "trackio"),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "BENCH_ANSWER": str(folder / "answer.json"),
    }
    sending = {
        "TUNELORE_URL": hub,
        "MLFLOW_TRACKING_URI": hub,
        "WANDB_MODE": "online",
        "WANDB_BASE_URL": hub,
        "WANDB_API_KEY": "0" * 40,
        "TRACKIO_SERVER_URL": hub,
    }
    return {**kept, **fixed, **(sending if hub else {})}


def measured(
    python: Path, *arguments: object, hub: str = "", limit_s: float = 600.0, **variables: str
) -> dict[str, Any]:
    """What the child answers, with `code`, and `took_s` from its `start` to its end; `over` where it was stopped.

    `limit_s` counts from its start.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        command = [str(python), str(CHILD), *map(str, arguments)]
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                command, cwd=folder, env={**environment_of(folder, hub), **variables}, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            ended, over = _ended(process, folder / "answer.json.start", limit_s)
        answer = folder / "answer.json"
        found: dict[str, Any] = json.loads(answer.read_text()) if answer.exists() else {}
        if not found and not over:
            raise SystemExit(f"{command} said:\n{(folder / 'output').read_text()[-3000:]}")
        took = ended - found["start"] if "start" in found else None
        return {**found, "code": process.returncode, "took_s": took, "over": over}


def _ended(process: subprocess.Popen[bytes], started: Path, limit_s: float) -> tuple[float, bool]:
    """When it ended, of time.monotonic, and whether it had to be stopped: so long after it said that it starts.

    What comes before is imports, which on a busy machine take any time. Waiting with a time-out would look only now
    and then, so a timer stops it.
    """
    while process.poll() is None and not started.exists():
        time.sleep(0.02)
    over = threading.Event()

    def stop() -> None:
        over.set()
        with suppress(ProcessLookupError):  # it ended in this very moment
            os.killpg(process.pid, 9)

    timer = threading.Timer(limit_s, stop)
    timer.start()
    process.wait()
    ended = time.monotonic()
    timer.cancel()
    return ended, over.is_set()


def peers_python() -> tuple[Path | None, str]:
    """The interpreter with the peers, made under build/ where it is not there yet; else why there is none."""
    sys.path[:0] = [str(ROOT)]
    from tests.unit.tunelore.environments import build

    return build("peers", *PINS)


@contextmanager
def willing_hub() -> Iterator[str]:
    """Takes everything at once, as a hub does, and keeps nothing."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            items = body if isinstance(body, list) else []
            answer = json.dumps({"results": [{"id": one["id"], "status": 201} for one in items]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent_hub() -> Iterator[str]:
    """Takes every connection and every byte, and never answers."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    open_ones: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_ones.append(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_ones:
            connection.close()


def dead_hub() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        return f"http://127.0.0.1:{reserved.getsockname()[1]}"
