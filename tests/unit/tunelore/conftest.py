"""A fixed cast of records for the client's tests. Knows no hub."""

from __future__ import annotations

import copy
import http.server
import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tunelore import exits, trouble

TASK: dict[str, Any] = {
    "kind": "text-classification",
    "name": "weather notes",
    "languages": ["en"],
    "domain": "notes",
    "dataset": {
        "source": "file",
        "name": "weather",
        "revision": None,
        "fingerprint": "rows-sha256:" + "0a" * 32,
        "label_column": "label",
    },
    "metafeatures": {
        "extractor": "tunelore.text-classification",
        "version": 1,
        "sampled": False,
        "values": {"instances": 400, "classes": 3, "class_entropy": 1.25, "landmark": None},
        "semantic": [0.25, -1, 3e-9],
    },
}
SYSTEM: dict[str, Any] = {
    "features": {
        "cpu_cores_physical": 2,
        "cpu_cores_logical": 4,
        "cpu_ghz": 2.6,
        "memory_bytes": 2**34,
        "devices": [{"kind": "cuda", "name": "a card", "memory_bytes": 2**33}],
    },
    "software": {"python": "3.11.7", "torch": "2.13.0"},
}
OK: dict[str, Any] = {
    "schema": "tunelore.experience/1",
    "id": "019aa0c1-7c00-7b2e-9f3a-0123456789ab",
    "started_at": "2026-11-20T10:00:00.000Z",
    "finished_at": "2026-11-20T10:01:00.5+00:00",
    "task": TASK,
    "system": SYSTEM,
    "language_model": {
        "source": "hub",
        "name": "someone/encoder",
        "revision": "main",
        "variant": "layers=3",
        "features": {"layers": 3, "architecture": "bert"},
    },
    "pipeline": {
        "method": "lora",
        "space": "tunelore/1",
        "hyperparameters": {
            "learning_rate": 2e-05,
            "epochs": 3,
            "class_weights": True,
            "modules": ["query", "value", None, 1.5, False],
            "note": None,
        },
    },
    "fidelity": {"train_fraction": 1.0, "train_rows": 400, "epochs": 3},
    "outcome": {"status": "ok", "phase": None, "cause": None, "stack": None, "step": 75, "exception": None},
    "metrics": {"validation": {"f1_macro": 0.75, "accuracy": 0.8, "loss": None}},
    "primary": {"split": "validation", "metric": "f1_macro", "value": 0.75},
    "cost": {
        "evaluation_s": 60.25,
        "cpu_s": 110.0,
        "host_memory_bytes": 2**30,
        "steps": 75,
        "energy_j": None,
    },
    "curve": [{"step": 25, "epoch": 1.0, "seconds": 20.5, "values": {"loss": 0.9, "eval_loss": None}}],
    "provenance": {"client": "tunelore/0.1.0", "via": "callback", "seed": 42, "trial": None},
    "conditions": {"threads": 1, "load": 0.4, "device": "cpu", "device_speed": 6.1e10},
    "limits": {"wall_s": 600, "host_memory_bytes": 2**33, "device_memory_bytes": None},
    "extra": {"anything": [1, {"deeper": "text"}]},
}
OOM: dict[str, Any] = {
    **OK,
    "id": "019aa0c1-7c00-7b2e-9f3a-0123456789ac",
    "outcome": {"status": "oom", "phase": "train", "cause": "host", "step": 2, "exception": "RuntimeError"},
    "metrics": {},
    "primary": None,
    "curve": [],
}
IMPORTED: dict[str, Any] = {
    "schema": "tunelore.experience/1",
    "id": "6f1c2f5e-5d0b-5a53-8b43-2f6a0d3b9c12",
    "started_at": None,
    "task": {"kind": "question-answering", "dataset": {}},
    "language_model": None,
    "system": None,
    "pipeline": {"method": "linear", "hyperparameters": {}},
    "outcome": {"status": "unknown"},
    "provenance": {"client": "tunelore/0.1.0", "via": "import:somewhere"},
}
CAST = {"ok": OK, "oom": OOM, "imported": IMPORTED}


@pytest.fixture
def cast() -> dict[str, dict[str, Any]]:
    """The records by name, each test's own copies."""
    return copy.deepcopy(CAST)


@pytest.fixture
def ok_record(cast: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return cast["ok"]


@pytest.fixture
def shared_file() -> Callable[[str], Path]:
    """A file of the shared data folder, or a skip that names it."""
    root = Path(os.environ.get("TUNELORE_SHARED", "../shared"))

    def find(name: str) -> Path:
        path = root / name
        if not path.exists():
            pytest.skip(f"the shared data folder has no {name} (TUNELORE_SHARED={root})")
        return path

    return find


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A client of its own: an empty spool folder, no hub, and internal errors that are raised, not swallowed."""
    for name in ("TUNELORE_URL", "TUNELORE_TOKEN", "TUNELORE_SPOOL", "TUNELORE_MODE", "RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(trouble, "raise_errors", True)
    trouble.counts.clear()
    yield tmp_path / "spool"
    exits.close_all(2.0)


class ScriptedHub:
    """A real HTTP server on loopback that answers as told and remembers what it was sent.

    `answers` are taken one a request to experiences/: (status, headers, body); with none left each record is 201.
    `about` answers every GET, `runs` every heartbeat.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], object]] = []
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.about: tuple[int, dict[str, str], object] = (404, {}, {})
        self.runs: tuple[int, dict[str, str], object] = (200, {}, {})
        self.asked = threading.Condition()
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, headers, answer = hub.answer(self.path, body)
                hub.note(self.path, dict(self.headers), body)
                self.tell(status, headers, answer)

            def do_GET(self) -> None:
                hub.note(self.path, dict(self.headers), None)
                self.tell(*hub.about)

            def tell(self, status: int, headers: dict[str, str], answer: object) -> None:
                text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response_only(status)
                headers.setdefault("Date", self.date_time_string())
                for name, value in {"Content-Length": str(len(text)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def answer(self, path: str, body: Any) -> tuple[int, dict[str, str], object]:
        if path != "/api/v1/experiences/":
            return self.runs
        with self.asked:
            if self.answers:
                return self.answers.pop(0)
        return 200, {}, {"results": [{"id": one.get("id"), "status": 201} for one in body]}

    def note(self, path: str, headers: dict[str, str], body: Any) -> None:
        with self.asked:
            self.requests.append((path, headers, body))
            self.asked.notify_all()

    def uploads(self) -> list[list[dict[str, Any]]]:
        """The bodies sent to experiences/, in order."""
        return [body for path, _, body in self.requests if path == "/api/v1/experiences/"]

    def wait_for(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        with self.asked:
            assert self.asked.wait_for(condition, seconds), (
                f"not within {seconds} s; got {self.requests!r:.500}"
            )

    def wrap(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def hub() -> Iterator[ScriptedHub]:
    server = ScriptedHub()
    yield server
    server.close()
