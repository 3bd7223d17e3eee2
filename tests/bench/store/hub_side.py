"""One measured part of `make bench-store` on TuneLore's side, in a process of its own: prints one JSON object.

`python -m tests.bench.store.hub_side PART`, with the database in TUNELORE_DATABASE_URL (SQLite without it) and the
home in TUNELORE_HOME. Parts: fill, queries, pages, neighbours, batch, token. It knows no server and no peer.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "logging_client" / "src")]
URL = "/api/v1/experiences/"
GUEST, GUEST_ROWS = "guest", 2_000
BATCH, BATCHES = 500, 12
LIST_ROUNDS, TASKS_ASKED = 25, 15


def set_up() -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "knowledgebase.settings",
        "TUNELORE_ALLOWED_HOSTS": "testserver,127.0.0.1",
        "TUNELORE_RATE_USER": "off",
        "TUNELORE_LOG_LEVEL": "CRITICAL",
    }
    import django

    django.setup()


def milliseconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1] if len(times) > 1 else times[0]


def client(name: str) -> Any:
    from django.test import Client

    from knowledgebase.accounts.models import User

    found = Client()
    found.force_login(User.objects.get(username=name))
    return found


def fill(options: argparse.Namespace) -> dict[str, Any]:
    """The administrator's many invented experiences and a guest's few; what is there stays."""
    from django.core.management import call_command

    from knowledgebase.accounts.selectors import user_named
    from knowledgebase.accounts.services import create_user, ensure_administrator
    from knowledgebase.experiences.models import Experience

    call_command("migrate", verbosity=0)
    ensure_administrator()
    if user_named(GUEST) is None:
        create_user(GUEST)
    began, before = time.monotonic(), Experience.objects.count()
    for name, number, seed in (("admin", options.experiences, 1), (GUEST, GUEST_ROWS, 9)):
        if Experience.objects.filter(owner__username=name).count() < number:
            arguments = (
                str(number),
                "--bulk",
                "--seed",
                str(seed),
                "--user",
                name,
                "--tasks",
                str(options.tasks),
            )
            call_command("make_experiences", *arguments, stdout=sys.stderr)
    total = Experience.objects.count()
    return {"experiences": total, "made": total - before, "seconds": time.monotonic() - began}


def queries(options: argparse.Namespace) -> dict[str, Any]:
    """Every query of the list, each after one that warms up; and the first page, for its owner and for a guest."""
    from tests.bench.store.queries import QUERIES

    admin, guest, rows = client("admin"), client(GUEST), []
    times: list[float] = []
    for query in QUERIES:
        answer = admin.get(URL, query)
        assert answer.status_code == 200, (query, answer.content[:300])
        taken = [milliseconds(lambda query=query: admin.get(URL, query)) for _ in range(options.rounds)]
        times += taken
        rows.append({"query": query, "median_ms": median(taken), "rows": len(answer.json()["results"])})
    first = [milliseconds(lambda: admin.get(URL)) for _ in range(LIST_ROUNDS)]
    page = [milliseconds(lambda: admin.get("/experiences/")) for _ in range(5)]
    theirs = [milliseconds(lambda: guest.get(URL, {"order": "-score"})) for _ in range(5)]
    return {
        "rows": rows, "query_p95_ms": p95(times), "query_p50_ms": median(times), "list_p95_ms": p95(first),
        "html_page_ms": median(page), "guest_by_score_ms": median(theirs),
    }  # fmt: skip


def pages(options: argparse.Namespace) -> dict[str, Any]:
    """Pages that sum over everything: with nothing kept of it, and again (median of three)."""
    from knowledgebase.experiences.models import LanguageModel, Task
    from knowledgebase.experiences.selectors import keeping

    admin = client("admin")
    task, model = Task.objects.earliest("pk").digest, LanguageModel.objects.earliest("pk").pk
    found = {}
    for name, path in {
        "overview": "/",
        "list": "/experiences/",
        "list, an expression": "/experiences/?filter=h.learning_rate > 1e-3 and method = lora",
        "tasks": "/experiences/tasks/",
        "task": f"/experiences/tasks/{task}/",
        "task map": "/experiences/task-map/",
        "language models": "/experiences/language-models/",
        "language model": f"/experiences/language-models/{model}/",
        "API: statistics": "/api/v1/stats/",
        "API: language models": "/api/v1/language-models/",
    }.items():
        admin.get(path)  # its templates and its place in the database's cache
        keeping.forget()
        times = [milliseconds(lambda path=path: admin.get(path)) for _ in range(4)]
        answer = admin.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        found[name] = {"first_ms": round(times[0]), "again_ms": round(median(times[1:]))}
    return {"pages": found}


def neighbours(options: argparse.Namespace) -> dict[str, Any]:
    """Nearest tasks, asked for through the API, around tasks drawn by a seed."""
    from knowledgebase.experiences.models import Task

    digests = list(Task.objects.order_by("pk").values_list("digest", flat=True))
    drawn = random.Random(3).choices(digests, k=TASKS_ASKED + 1)
    admin = client("admin")

    def ask(digest: str) -> None:
        answer = admin.post("/api/v1/neighbours/", {"task": digest}, content_type="application/json")
        assert answer.status_code == 200, answer.content[:300]

    first, *times = [milliseconds(lambda digest=digest: ask(digest)) for digest in drawn]
    return {"tasks": len(digests), "first_ms": first, "median_ms": median(times), "neighbours_ms": p95(times)}


def batch(options: argparse.Namespace) -> dict[str, Any]:
    """Experiences a second in batches of 500 lines, through the whole application; then they are taken away again."""
    from knowledgebase.accounts.models import User
    from knowledgebase.experiences.management.commands.make_experiences import invented
    from knowledgebase.experiences.models import Experience, Pipeline

    sender, records = client(GUEST), list(invented(BATCH * BATCHES, seed=int(time.time()), on_tasks=200))
    last = Pipeline.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    bodies = [
        "\n".join(json.dumps(record) for record in records[at : at + BATCH])
        for at in range(0, len(records), BATCH)
    ]
    times = []
    for body in bodies:
        times.append(
            milliseconds(lambda body=body: sender.post(URL, body, content_type="application/x-ndjson"))
        )
    keys = [record["id"] for record in records]
    new = Experience.objects.filter(pk__in=keys, owner=User.objects.get(username=GUEST))
    stored = new.count()
    new.delete()
    Pipeline.objects.filter(pk__gt=last, experiences=None).delete()
    assert stored == len(records), (stored, len(records))
    return {"batch_per_s": 1000 * BATCH / median(times), "batch_ms": median(times)}


def token(options: argparse.Namespace) -> dict[str, Any]:
    """A token that reads and writes, for clients over a socket."""
    from knowledgebase.accounts.selectors import user_named
    from knowledgebase.accounts.services import create_token

    user = user_named("admin")
    assert user is not None
    return {"token": create_token(user, "bench", ["experiences:read", "experiences:write"])[1]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {
        "fill": fill, "queries": queries, "pages": pages, "neighbours": neighbours, "batch": batch, "token": token,
    }  # fmt: skip
    parser.add_argument("part", choices=parts)
    parser.add_argument("--experiences", type=int, default=1_000_000)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    set_up()
    print(json.dumps(parts[options.part](options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
