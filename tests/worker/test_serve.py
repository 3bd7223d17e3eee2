"""`manage.py serve` as somebody types it: what it refuses, and that it leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.parts import free_port

ROOT = Path(__file__).resolve().parents[2]
SERVE = [sys.executable, "manage.py", "serve", "--slots", "1", "--port"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TUNELORE_")}
    return {**kept, "TUNELORE_HOME": str(home)}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def refused(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def living(session: int) -> list[str]:
    """Processes of a session, those aside that only wait to be counted by their parent."""
    listed = subprocess.run(["ps", "-eo", "sid=,stat=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [row[2] for row in rows if row[0] == str(session) and not row[1].startswith("Z")]


def test_a_port_in_use_is_refused_before_anything_is_made(
    environment: dict[str, str], taken_port: int
) -> None:
    said = refused([*SERVE, str(taken_port)], environment)
    assert f"port {taken_port} on 127.0.0.1 cannot be used" in said
    assert "choose another port" in said
    assert not (Path(environment["TUNELORE_HOME"]) / "db.sqlite3").exists()


def test_a_full_disk_is_refused_before_anything_is_made(environment: dict[str, str], tmp_path: Path) -> None:
    """A real file system of 1 MiB, in a mount namespace of its own."""
    small = tmp_path / "small"
    small.mkdir()
    mount = f"mount -t tmpfs -o size=1m,mode=0700 tmpfs {small}"
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, mount], capture_output=True).returncode:
        pytest.skip("this system lets no user mount a file system of their own")
    script = f"{mount} && exec {' '.join(SERVE)} {free_port()}"
    said = refused([*unshare, script], {**environment, "TUNELORE_HOME": str(small)})
    assert "1 MiB of free disk space" in said
    assert "TUNELORE_HOME=" in said


def test_it_serves_says_where_and_stops_at_ctrl_c(environment: dict[str, str]) -> None:
    port = free_port()
    server = subprocess.Popen(
        [*SERVE, str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert server.stdout is not None
        lines = []
        for line in server.stdout:
            lines.append(line)
            if "administrator" in line or "login_link" in line:
                break
        said = "".join(lines)
        assert f"http://127.0.0.1:{port}/" in said
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=10) as answer:
            assert answer.status == 200
        second = refused([*SERVE, str(free_port())], environment)
        assert environment["TUNELORE_HOME"] in second
        server.send_signal(signal.SIGINT)
        rest, _ = server.communicate(timeout=60)
        assert rest.rstrip().endswith("Stopped")
        assert server.returncode == 0
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
    assert living(server.pid) == []
    with closing(socket.socket()) as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
