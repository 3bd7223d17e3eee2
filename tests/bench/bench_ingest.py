"""How many experiences a hub takes a second: one a request and 100 a request, through the API, one client.

On SQLite in a fresh home, or on the database that TUNELORE_DATABASE_URL names (its tables are made, its rows
stay). Requests go through the whole stack of the application without a socket: token, parser, validator, store.
Prints a table and writes build/bench/ingest.json.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from tests.bench import results  # noqa: E402

URL = "/api/v1/experiences/"
METHODS = ("full", "lora", "partial", "probe", "linear")
SEED = 7


def set_up(home: str) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "knowledgebase.settings",
        "TUNELORE_HOME": home,
        "TUNELORE_RATE_USER": "off",
        "TUNELORE_LOG_LEVEL": "ERROR",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def records(count: int, chance: random.Random) -> list[dict[str, Any]]:
    """Runs as a search makes them: few tasks, few language models, every pipeline another one, a curve of 60."""
    from tunelore.record import uuid7

    from tests.cast import RECORD

    made = []
    for _ in range(count):
        record = {**copy.deepcopy(RECORD), "id": uuid7()}
        record["task"]["dataset"]["fingerprint"] = f"rows-sha256:{chance.randrange(20):064x}"
        record["pipeline"]["method"] = chance.choice(METHODS)
        record["pipeline"]["hyperparameters"]["learning_rate"] = 10 ** chance.uniform(-6, -3)
        record["language_model"]["variant"] = f"layers={chance.randrange(1, 7)}"
        record["primary"]["value"] = chance.random()
        record["curve"] = [
            {"step": step, "epoch": step / 20, "seconds": 1.5 * step, "values": {"loss": chance.random()}}
            for step in range(60)
        ]
        made.append(record)
    return made


def measure(client: Any, size: int, count: int, chance: random.Random) -> dict[str, Any]:
    """Send ``count`` new records, ``size`` a request."""
    sent = records(count, chance)
    single = size == 1
    bodies = [
        json.dumps(sent[first] if single else sent[first : first + size]) for first in range(0, count, size)
    ]
    times = []
    began = time.perf_counter()
    for body in bodies:
        before = time.perf_counter()
        answer = client.post(URL, body, content_type="application/json")
        times.append((time.perf_counter() - before) * 1000)
        assert answer.status_code == (201 if single else 200), answer.content[:300]
    seconds = time.perf_counter() - began
    times.sort()
    return {
        "batch": size,
        "experiences": count,
        "per_second": count / seconds,
        "request_p50_ms": times[len(times) // 2],
        "request_p99_ms": times[len(times) * 99 // 100],
        "body_bytes": len(bodies[0]),
    }


def report(rows: list[dict[str, Any]], vendor: str) -> dict[str, Any]:
    import django
    from rest_framework import VERSION
    from tunelore import describe

    features = describe.system()["features"]
    versions = {"python": platform.python_version(), "django": django.__version__, "drf": VERSION}
    return {
        "machine": {**features, "load": describe.conditions(measure=False)["load"], "database": vendor},
        "versions": versions,
        "seeds": [SEED],
        "rows": rows,
        "bars": {},
    }


def run(options: argparse.Namespace) -> dict[str, Any]:
    from django.db import connection
    from django.test import Client

    from knowledgebase.accounts.services import create_token, create_user

    user = create_user(f"bench-{os.getpid()}")
    _, token = create_token(user, "bench", ["experiences:write", "experiences:read"])
    client = Client(headers={"authorization": f"Bearer {token}", "host": "localhost"})
    chance = random.Random(SEED)
    measure(client, 10, 20, chance)  # the first requests load what is loaded late
    rows = []
    print(f"{connection.vendor}, {options.rounds} rounds")
    print(f"{'batch':>6} {'experiences':>12} {'a second':>10} {'p50 ms':>9} {'p99 ms':>9} {'body kB':>9}")
    for _ in range(options.rounds):
        for size, count in ((1, options.count), (100, options.count * 4)):
            row = measure(client, size, count, chance)
            rows.append(row)
            print(f"{size:>6} {count:>12} {row['per_second']:>10.0f} {row['request_p50_ms']:>9.1f}", end="")
            print(f" {row['request_p99_ms']:>9.1f} {row['body_bytes'] / 1000:>9.1f}", flush=True)
    return report(rows, connection.vendor)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=500, help="requests of one record a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of 100")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    options = parser.parse_args()
    if options.quick:
        options.count, options.rounds = 100, 1
    with tempfile.TemporaryDirectory(prefix="tunelore-bench-") as home:
        set_up(home)
        if options.profile:
            import cProfile

            profile = cProfile.Profile()
            found = profile.runcall(run, options)
            profile.print_stats("cumulative")
        else:
            found = run(options)
        target = ROOT / "build" / "bench" / "ingest.json"
        results.write(found, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
