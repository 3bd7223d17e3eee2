"""How long the server works for a page: again and again in one process, and for the first time in a fresh one.

Beside each time stands the processor time of the process, which other work on the machine does not stretch.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any


def signed_in() -> Any:
    from django.test import Client

    from knowledgebase.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(username="admin"))
    return client


def timed(client: Any, address: str) -> tuple[float, float]:
    """Milliseconds by the clock and of the processor for one answer."""
    began, worked = time.perf_counter(), time.process_time()
    answer = client.get(address)
    spent = 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - worked)
    assert answer.status_code == 200, (address, answer.status_code)
    return spent


def first_visit(address: str, client: Any) -> tuple[float, float]:
    """The same for the first page that a process shows, which has answered whether it lives and nothing else."""
    from django.db import connections

    connections.close_all()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        client.get("/health/live")
        os.write(writing, json.dumps(timed(client, address)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    if not text:
        sys.exit(f"the first visit to {address} failed")
    wall, cpu = json.loads(text)
    return wall, cpu


def measure(pages: Mapping[str, str], rounds: int, firsts: int) -> Iterator[dict[str, Any]]:
    """A row a page, cold first: this process must not have shown any page before."""
    client = signed_in()
    cold = {name: [first_visit(address, client) for _ in range(firsts)] for name, address in pages.items()}
    for name, address in pages.items():
        timed(client, address)
        warm = [timed(client, address) for _ in range(rounds)]
        yield {
            "page": name,
            "fastest_ms": min(wall for wall, _ in warm),
            "median_ms": median(wall for wall, _ in warm),
            "cpu_ms": median(cpu for _, cpu in warm),
            "cold_ms": median(wall for wall, _ in cold[name]),
            "cold_cpu_ms": median(cpu for _, cpu in cold[name]),
        }
