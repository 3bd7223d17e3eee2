"""A real hub (the application on SQLite, through HTTP) in a process of its own: `hub.py` prints address and token."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

ROOT = Path(__file__).resolve().parents[3]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class Threads(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 512


def serve() -> None:
    """Makes the tables, somebody with a token, and serves until it is ended."""
    import django
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    django.setup()
    call_command("migrate", verbosity=0)
    from knowledgebase.accounts.services import create_token, create_user

    _, token = create_token(create_user("bench"), "bench", ["experiences:read", "experiences:write"])
    server = make_server("127.0.0.1", 0, get_wsgi_application(), Threads, Quiet)
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}", "token": token}), flush=True)
    server.serve_forever()


@contextmanager
def running_hub(home: Path) -> Iterator[tuple[str, str]]:
    """Address and token of a fresh hub."""
    home.mkdir(mode=0o700, parents=True)
    settings = {
        "DJANGO_SETTINGS_MODULE": "knowledgebase.settings",
        "TUNELORE_HOME": str(home),
        "TUNELORE_RATE_USER": "off",
        "TUNELORE_RATE_ANONYMOUS": "off",
        "TUNELORE_LOG_LEVEL": "ERROR",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'logging_client' / 'src'}",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TUNELORE_")}
    process = subprocess.Popen([sys.executable, __file__], env={**kept, **settings}, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield told["url"], told["token"]
    finally:
        process.terminate()
        process.wait(30)


def experiences(url: str, token: str) -> list[dict[str, Any]]:
    """Every record that the hub holds."""
    request = urllib.request.Request(f"{url}/api/v1/experiences/export/")
    request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=600) as response:
        lines = response.read().splitlines()
    found = [json.loads(line) for line in lines if line.strip()]
    return [one.get("record", one) for one in found]


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT)]
    serve()
