"""What the demo stands on: a hub in a child process, its REST API, and scripts in processes of their own.

It knows nothing of what the demo shows. Whatever it starts ends with the block that asked for it.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the library from this checkout
console = Console(highlight=False)


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


class Api:
    """The hub's REST API, as any script would use it."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address, token

    def text(self, path: str, body: object = None) -> str:
        request = urllib.request.Request(
            f"{self.address}/api/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            raise DemoFailed(
                f"{request.method} {path}: {error.code} {error.read().decode()[:500]}"
            ) from error

    def __call__(self, path: str, body: object = None) -> Any:
        return json.loads(self.text(path, body))


@contextlib.contextmanager
def hub(port: int, slots: int) -> Iterator[str]:
    """A hub on its embedded default, for as long as the block runs; yields its address."""
    command = [sys.executable, "manage.py", "serve", "--port", str(port), "--slots", str(slots)]
    server = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    )
    ready = threading.Event()
    lines: list[str] = []

    def relay() -> None:
        assert server.stdout is not None
        for line in server.stdout:
            lines.append(line.rstrip())
            if line.strip():
                console.print(f"  [dim]hub[/dim] {line.rstrip()}", soft_wrap=True)
            if "Ctrl-C stops" in line:
                ready.set()

    reader = threading.Thread(target=relay, daemon=True)
    reader.start()
    try:
        while not ready.wait(0.2):
            if server.poll() is not None:
                raise DemoFailed("the hub did not start: " + " ".join(lines[-3:]))
        # The greeting has one more line, about signing in; let it appear in its place.
        time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        # A second Ctrl-C must not interrupt the clean-up that the first one asked for.
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        server.terminate()
        server.wait()
        reader.join(timeout=5)
        signal.signal(signal.SIGINT, previous)


def manage(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DemoFailed(f"manage.py {shlex.join(arguments)}: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()


def spinner(text: str) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn(text),
        TimeElapsedColumn(),
        console=console,
        transient=not console.is_terminal,
    )


def run_script(
    command: list[str], environment: dict[str, str], title: str, prepare: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a Python script in a process of its own, with a clock on the screen; ends with the demo."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        process_group=0, preexec_fn=prepare,
    )  # fmt: skip
    try:
        with spinner(f"  {title}") as progress:
            progress.add_task(title, total=None)
            out, err = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)
