"""Hubs, networks and disks in trouble: training goes on, ends with 0, one line says what to do, nothing is lost."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tunelore.cli import main

from tests.unit.tunelore.processes import LOOP, environment, finish, outcome, run_command, waiting

# Long enough for the hub to be asked while training goes on, short enough for many of these.
TRAIN = """
import logging
logging.basicConfig(format="%(message)s")
train(lambda number: time.sleep(0.05))
print("trained", flush=True)
began = time.monotonic()
from tunelore import exits
exits.close_all()
print(time.monotonic() - began)
"""
Talk = Callable[[socket.socket, threading.Event], None]


def answering(status: str, body: str = "", *, length: int | None = None, headers: str = "") -> Talk:
    def talk(connection: socket.socket, _: threading.Event) -> None:
        size = len(body) if length is None else length
        text = f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n{headers}\r\n{body}"
        connection.sendall(text.encode())

    return talk


def one_byte_at_a_time(connection: socket.socket, over: threading.Event) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}":
        connection.sendall(bytes([byte]))
        if over.wait(60):
            return


def nothing(_: socket.socket, over: threading.Event) -> None:
    over.wait(60)


def hanging_up(connection: socket.socket, _: threading.Event) -> None:
    connection.shutdown(socket.SHUT_RDWR)


HUBS: dict[str, Talk] = {
    "500": answering("500 Oops", "<h1>Oops</h1>"),
    "429": answering("429 Slow down", "{}", headers="Retry-After: 3600\r\n"),
    "redirect": answering("302 Found", headers="Location: https://login.invalid/\r\n"),
    "login page": answering("200 OK", "<html>Please log in</html>"),
    "garbage": lambda connection, _: connection.sendall(b"\x00\xff SSH-2.0-OpenSSH\r\n\r\n"),
    "half a body": answering("200 OK", '{"results": [{"id"', length=400),
    "one byte a minute": one_byte_at_a_time,
    "nothing": nothing,
    "hanging up": hanging_up,
    "unauthorised": answering("401 No", "{}"),
    "not a number": answering("abc def"),
    "endless header": lambda connection, _: connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000),
}


class RawServer:
    """Takes connections, reads what comes and lets `talk` answer; works off each in a thread of its own."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.settimeout(5)
                connection.recv(65_536)
                self._talk(connection, self._over)
                connection.settimeout(0.2)
                while connection.recv(65_536):  # a close with unread bytes would reset the answer away
                    pass
            except OSError:
                return

    def close(self) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Talk], RawServer]]:
    started: list[RawServer] = []

    def start(talk: Talk) -> RawServer:
        started.append(RawServer(talk))
        return started[-1]

    yield start
    for server in started:
        server.close()


def check_training(
    folder: Path, url: str, words: str, within_s: float = 2.5, before: str = ""
) -> dict[str, Any]:
    """Train with this hub; the record that waits afterwards."""
    done = run_command([sys.executable, "-c", before + LOOP + TRAIN], folder, TUNELORE_URL=url)
    assert done.returncode == 0, done.stderr
    said, closing = done.stdout.split()
    assert said == "trained"
    assert float(closing) < within_s
    (line,) = done.stderr.splitlines()
    assert words in line
    assert "tunelore sync" in line
    assert "Training is not affected" in line
    (one,) = waiting(folder)
    assert outcome(one) == ("ok", None, None)
    return one


@pytest.mark.parametrize("name", HUBS)
def test_a_hub_in_trouble(
    tmp_path: Path,
    serve: Callable[[Talk], RawServer],
    hub: Any,
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = serve(HUBS[name])
    if name in ("one byte a minute", "nothing"):
        one = check_training(tmp_path, server.url, "no answer in time", 1.5)
    else:
        one = check_training(tmp_path, server.url, "runs wait in")
    assert server.asked
    assert main(["sync", "--spool", str(tmp_path / "spool"), "--url", hub.url]) == 0
    assert hub.uploads() == [[one]]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1", "refused"),
        ("http://hub.invalid", "no answer"),
        ("http://[::1", "it must start with http:// or https://"),
        ("ftp://hub", "it must start with http:// or https://"),
    ],
)
def test_an_address_without_a_hub(tmp_path: Path, url: str, words: str) -> None:
    check_training(tmp_path, url, words)


def certificate(folder: Path) -> ssl.SSLContext:
    key, public = folder / "key.pem", folder / "certificate.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run([*made, *names, "-keyout", key, "-out", public], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs openssl to make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, key)
    return context


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, hub: Any) -> None:
    hub.wrap(certificate(tmp_path))
    url = hub.url.replace("http:", "https:")
    check_training(tmp_path, url, "SSL_CERT_FILE")
    assert hub.requests == []  # no token left the machine


def test_a_certificate_of_ones_own_authority(tmp_path: Path, hub: Any) -> None:
    hub.wrap(certificate(tmp_path))
    url = hub.url.replace("http:", "https:")
    code, errors, found = finish(
        LOOP + "train(lambda number: None, exit_s=20)",
        tmp_path,
        TUNELORE_URL=url,
        SSL_CERT_FILE=str(tmp_path / "certificate.pem"),
    )
    assert (code, errors, found) == (0, "", [])
    assert len(hub.uploads()) == 1


def test_tls_spoken_to_a_hub_that_speaks_none(tmp_path: Path, serve: Callable[[Talk], RawServer]) -> None:
    server = serve(answering("400 Bad"))
    check_training(tmp_path, server.url.replace("http:", "https:"), "SSL")


@pytest.mark.parametrize("with_hub", [True, False])
def test_a_home_that_cannot_be_written(tmp_path: Path, hub: Any, with_hub: bool) -> None:
    """Nothing can be kept on disk; what the hub takes from memory is not lost."""
    variables = {"HOME": "/dev/null", "TUNELORE_SPOOL": ""}
    if with_hub:
        variables["TUNELORE_URL"] = hub.url
    done = run_command(
        [sys.executable, "-c", LOOP + TRAIN.replace("close_all()", "close_all(20)")], tmp_path, **variables
    )
    assert done.returncode == 0
    line, *more = done.stderr.splitlines()
    assert ["kept in memory only" in one for one in more] == ([] if with_hub else [True])
    assert "cannot write to the spool folder" in line
    assert "TUNELORE_SPOOL" in line
    assert [outcome(one)[0] for body in hub.uploads() for one in body] == (["ok"] if with_hub else [])


def test_a_hub_that_comes_back_while_training_goes_on(tmp_path: Path) -> None:
    """One warning for the outage, and the record is there in the end."""
    taken: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = b"{}"
            if self.path == "/api/v1/experiences/":
                taken.append(body)
                name = body[body.index(b'"id":"') + 6 :][:36]
                answer = b'{"results": [{"id": "%b", "status": 201}]}' % name
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    body = """
import logging
from tunelore import trouble
logging.basicConfig(format="%(message)s")
def step(number):
    if number == 2:
        while not trouble.counts["network"]: time.sleep(0.01)
        print("away", flush=True)
        sys.stdin.readline()
train(step, exit_s=20)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP + body],
        cwd=tmp_path,
        env=environment(tmp_path, TUNELORE_URL=f"http://127.0.0.1:{port}"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "away\n"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        _, errors = process.communicate("on\n", timeout=60)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert process.returncode == 0
    assert len(errors.splitlines()) == 1
    assert len(taken) == 1
    assert waiting(tmp_path) == []


def test_making_a_callback_asks_no_network_and_no_disk(tmp_path: Path) -> None:
    """Nothing happens before training starts."""
    body = """
import socket, time
def forbidden(*_, **__): raise AssertionError("no network")
socket.socket.connect = socket.getaddrinfo = forbidden
from tunelore import TuneLoreCallback
began = time.perf_counter()
TuneLoreCallback(task="x", url="http://hub.invalid", token="tl_x")
assert time.perf_counter() - began < 1
import threading
assert threading.active_count() == 1
"""
    code, errors, _ = finish(body, tmp_path)
    assert (code, errors) == (0, "")
    assert not (tmp_path / "spool").exists()


def test_without_a_terminal_and_with_closed_streams(tmp_path: Path, hub: Any) -> None:
    """As under nohup, a scheduler or a service: nothing asks, nothing writes to a stream that is gone."""
    script = tmp_path / "train.py"
    script.write_text(LOOP + "train(lambda number: None, exit_s=20)")
    command = f"exec {sys.executable} {script} <&- >&- 2>&-"
    began = time.monotonic()
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env=environment(tmp_path, TUNELORE_URL=hub.url),
        start_new_session=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert time.monotonic() - began < 30
    assert len(hub.uploads()) == 1


def test_a_name_that_is_looked_up_for_ever(tmp_path: Path) -> None:
    """A network whose name server swallows every question: only the thread that sends waits for it."""
    swallowed = "import socket, time\nsocket.getaddrinfo = lambda *_, **__: time.sleep(600)\n"
    check_training(tmp_path, "http://hub.example", "no answer in time", 1.5, swallowed)


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_a_mode_of_the_environment_that_sends_nothing(tmp_path: Path, hub: Any, mode: str) -> None:
    code, errors, found = finish(
        LOOP + "train(lambda number: None, exit_s=20)", tmp_path, TUNELORE_URL=hub.url, TUNELORE_MODE=mode
    )
    assert (code, errors) == (0, "")
    assert len(found) == (mode == "offline")
    assert hub.requests == []
    assert (tmp_path / "spool").exists() == (mode == "offline")
