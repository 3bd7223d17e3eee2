"""Clients over real sockets: one that asks two servers in turn, and eight that send at once."""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

START_S = 120.0


@contextmanager
def serving(
    command: Sequence[str], port: int, path: str, log: Path, environment: dict[str, str]
) -> Iterator[None]:
    """A server as a process of its own, until it answers; it ends with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            end = time.monotonic() + START_S
            while not answers(port, path):
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(
                        f"{command[:4]} does not answer:\n{log.read_text(errors='replace')[-2000:]}"
                    )
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answers(port: int, path: str) -> bool:
    try:
        return request(http.client.HTTPConnection("127.0.0.1", port, timeout=5), "GET", path)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def request(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, token: str = ""
) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body)
    for is_last in (False, True):
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (http.client.RemoteDisconnected, ConnectionError):
            # A kept connection that the server had given up meanwhile; nothing was read from it.
            connection.close()
            if is_last:
                raise
    raise AssertionError


def in_turn(asked: dict[str, tuple[int, str, str, Any, str]], rounds: int) -> dict[str, dict[str, float]]:
    """Each (port, method, path, body, token) after the other, so that whatever the machine does meets both alike."""
    connections = {
        name: http.client.HTTPConnection("127.0.0.1", one[0], timeout=60) for name, one in asked.items()
    }
    times: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds + 2):
        for name, (_, method, path, body, token) in asked.items():
            began = time.perf_counter()
            status, answer = request(connections[name], method, path, body, token)
            times[name].append(1000 * (time.perf_counter() - began))
            assert status == 200, (name, status, answer[:300])
    # The first two warm up.
    return {name: {"p50_ms": median(found[2:]), "worst_ms": max(found[2:])} for name, found in times.items()}


def at_once(port: int, token: str, records: Sequence[dict[str, Any]], clients: int = 8) -> dict[str, float]:
    """So many clients, each with a connection of its own, send one record a request."""
    left, lock, wrong = list(records), threading.Lock(), []
    times: list[float] = []

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                if not left:
                    return
                record = left.pop()
            began = time.perf_counter()
            status, answer = request(connection, "POST", "/api/v1/experiences/", record, token)
            times.append(1000 * (time.perf_counter() - began))
            if status != 201:
                wrong.append((status, answer[:200]))

    threads = [threading.Thread(target=send) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    assert not wrong, wrong[:3]
    return {"single_per_s": len(records) / seconds, "single_p50_ms": median(times), "clients": clients}
