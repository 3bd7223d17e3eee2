"""How fast does the hub answer its pages with many experiences in it? On SQLite, server time in this process.

`python tests/bench/bench_web.py [--experiences 100000] [--rounds 5]`: makes a hub of invented experiences in
build/bench/web-home (kept, so that a second run measures at once), asks every page `rounds` times after one warm-up
and prints the fastest and the median. `first_load_kb` is what a browser fetches for its first page, gzipped.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
HOME = ROOT / "build" / "bench" / "web-home"


def prepare(experiences: int) -> None:
    """A hub with an administrator and so many invented experiences; what is there stays."""
    HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ |= {"DJANGO_SETTINGS_MODULE": "knowledgebase.settings", "TUNELORE_HOME": str(HOME)}
    os.environ["TUNELORE_ALLOWED_HOSTS"] = "testserver"
    import django

    django.setup()
    from django.core.management import call_command

    from knowledgebase.accounts.services import ensure_administrator

    call_command("migrate", verbosity=0)
    ensure_administrator()
    call_command("make_experiences", str(experiences))


def addresses() -> dict[str, str]:
    """One address of every page, and the heavier ways to ask for the list."""
    from knowledgebase.experiences.models import Experience, LanguageModel, Task

    task, model = Task.objects.get(name="invented task 03"), LanguageModel.objects.first()
    newest = list(Experience.objects.order_by("-change_seq").values_list("pk", flat=True)[:3])
    assert model is not None
    return {
        "overview": "/",
        "list": "/experiences/",
        "list, failures": "/experiences/?status=failed",
        "list, a part of a name": "/experiences/?q=task 03",
        "list, an expression": "/experiences/?filter=h.learning_rate > 1e-3 and method = lora",
        "list, by score": "/experiences/?order=-score",
        "list, by a hyper-parameter": "/experiences/?order=-h.learning_rate",
        "list, by a metric": "/experiences/?order=-metrics.validation.accuracy",
        "experience": f"/experiences/{newest[0]}/",
        "compare": "/experiences/compare/?" + "&".join(f"id={key}" for key in newest),
        "tasks": "/experiences/tasks/",
        "task": f"/experiences/tasks/{task.digest}/",
        "task map": "/experiences/task-map/",
        "language models": "/experiences/language-models/",
        "language model": f"/experiences/language-models/{model.pk}/",
        "searches": "/searches/",
        "new search": "/searches/new/",
        "prior": f"/searches/prior/?task={task.digest}",
        "account": "/accounts/",
        "log of changes": "/accounts/audit/",
    }


def measure(rounds: int) -> list[dict[str, object]]:
    from django.test import Client

    from knowledgebase.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(username="admin"))
    rows: list[dict[str, object]] = []
    print(f"{'page':28}{'fastest ms':>12}{'median ms':>12}")
    for name, address in addresses().items():
        answer = client.get(address)
        assert answer.status_code == 200, (address, answer.status_code)
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            client.get(address)
            times.append(1000 * (time.perf_counter() - began))
        rows.append({"page": name, "fastest_ms": min(times), "median_ms": median(times)})
        print(f"{name:28}{min(times):12.0f}{median(times):12.0f}")
    return rows


def first_load_kb() -> float:
    """The overview and every file that it names, gzipped where the server would; fonts are packed already."""
    from django.test import Client

    from knowledgebase.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(username="admin"))
    page = client.get("/").content
    files = set(re.findall(r'(?:href|src)="/static/([^"]+)"', page.decode()))
    sheets = [(ROOT / "static" / name).read_text(encoding="utf-8") for name in files if name.endswith(".css")]
    fonts = {name for sheet in sheets for name in re.findall(r"url\([\"']?([^)\"']+\.woff2)", sheet)}
    size = len(gzip.compress(page))
    size += sum(len(gzip.compress((ROOT / "static" / name).read_bytes())) for name in files)
    size += sum((ROOT / "static" / name).stat().st_size for name in fonts)
    return size / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiences", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--target", type=Path, default=ROOT / "build" / "bench" / "web.json")
    options = parser.parse_args(arguments)
    prepare(options.experiences)
    rows = measure(options.rounds)
    medians = [float(str(row["median_ms"])) for row in rows]
    bars = {"page_p95_ms": quantiles(medians, n=20)[-1], "first_load_kb": first_load_kb()}
    print(f"\npage_p95_ms {bars['page_p95_ms']:.0f}, first_load_kb {bars['first_load_kb']:.0f}")
    document = {
        "machine": platform.machine(), "versions": {"python": platform.python_version()},
        "experiences": options.experiences, "rows": rows, "bars": bars,
    }  # fmt: skip
    options.target.parent.mkdir(parents=True, exist_ok=True)
    options.target.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"written to {options.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
