"""How fast, how accessible and how discreet are the pages of a hub with many experiences? On SQLite.

`python tests/bench/bench_web.py [--experiences 100000] [--rounds 5]`: makes a hub of invented experiences in
build/bench/web-home (kept, so that a second run measures at once), asks every page `rounds` times after one warm-up
and prints the fastest and the median of the server's time, in this process, and beside it the processor time, which
other work on the machine does not stretch. `first_load_kb` is what a browser fetches
for its first page, gzipped. `axe_serious` and `console_errors` are counted in Chromium over the same pages, light and
dark; `leaks` are the failures of the test that asks for every address as everybody (tests/api/core/test_leaks.py).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urljoin

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.parts import free_port  # noqa: E402

HOME = ROOT / "build" / "bench" / "web-home"
MANAGE = [sys.executable, "manage.py"]
CHROMIUM = os.environ.get("TUNELORE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def prepare(experiences: int) -> None:
    """A hub with an administrator and so many invented experiences; what is there stays."""
    HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ |= {"DJANGO_SETTINGS_MODULE": "knowledgebase.settings", "TUNELORE_HOME": str(HOME)}
    os.environ["TUNELORE_ALLOWED_HOSTS"] = "testserver,127.0.0.1"
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

    task, model = (
        Task.objects.filter(descriptions__name="invented task 03").first(),
        LanguageModel.objects.first(),
    )
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
        "scatter": "/experiences/scatter/?x=h.learning_rate&y=score",
        "publish": f"/experiences/{newest[0]}/publish/",
        "publish, several": "/experiences/publish/?" + "&".join(f"id={key}" for key in newest),
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
        "API": "/docs/",
        "API, a resource": "/docs/experiences/",
    }


def measure(rounds: int) -> list[dict[str, object]]:
    from django.test import Client

    from knowledgebase.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(username="admin"))
    rows: list[dict[str, object]] = []
    print(f"{'page':28}{'fastest ms':>12}{'median ms':>12}{'CPU ms':>12}")
    for name, address in addresses().items():
        answer = client.get(address)
        assert answer.status_code == 200, (address, answer.status_code)
        times, works = [], []
        for _ in range(rounds):
            began, worked = time.perf_counter(), time.process_time()
            client.get(address)
            times.append(1000 * (time.perf_counter() - began))
            works.append(1000 * (time.process_time() - worked))
        rows.append(
            {"page": name, "fastest_ms": min(times), "median_ms": median(times), "cpu_ms": median(works)}
        )
        print(f"{name:28}{min(times):12.0f}{median(times):12.0f}{median(works):12.0f}")
    return rows


def first_load_kb() -> float:
    """The overview and every file that it names, as the hub sends them to a browser that takes gzip."""
    from django.test import Client

    from knowledgebase.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(username="admin"))
    sizes: dict[str, int] = {}
    waiting = ["/"]
    while waiting:
        address = waiting.pop()
        answer = client.get(address, headers={"accept-encoding": "gzip"})
        body = b"".join(answer) if answer.streaming else answer.content
        answer.close()
        sizes[address] = len(body)
        if answer.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        names = re.findall(rb"""(?:href|src)="(/static/[^"]+)"|url\(["']?(?!data:)([^)"']+)""", body)
        found = {urljoin(address, (linked or used).decode()) for linked, used in names}
        waiting += found - {*sizes, *waiting}
    return sum(sizes.values()) / 1024


def in_browser(port: int) -> dict[str, int]:
    """Serious violations that axe finds and what the console says, over all pages, in light and dark."""
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    address = f"http://127.0.0.1:{port}"
    serious, said = 0, []
    link = manage("login_link").stdout.split("/accounts/login/")[1].split()[0]
    server = subprocess.Popen([*MANAGE, "process", "web", "--port", str(port)], cwd=ROOT)
    try:
        while subprocess.run(
            [*MANAGE, "health", "web", "--port", str(port)], cwd=ROOT, capture_output=True
        ).returncode:
            assert server.poll() is None, "the web process ended"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.on(
                "console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None
            )
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto(f"{address}/accounts/login/{link}")
            page.get_by_role("button", name="Sign in").click()
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                for name, path in addresses().items():
                    page.goto(address + path)
                    found = [one["id"] for one in Axe().run(page).response["violations"]
                             if one["impact"] in ("serious", "critical")]  # fmt: skip
                    serious += len(found)
                    if found:
                        print(f"{name}, {theme}: {', '.join(found)}")
            browser.close()
    finally:
        server.terminate()
        server.wait()
    for text in said:
        print(f"console: {text}")
    return {"axe_serious": serious, "console_errors": len(said)}


def manage(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MANAGE, *words], cwd=ROOT, capture_output=True, text=True, check=True)


def leaks() -> int:
    """Failures of the leak test."""
    report = ROOT / "build" / "bench" / "leaks.xml"
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("TUNELORE_", "DJANGO_"))
    }
    command = [sys.executable, "-m", "pytest", "-q", "tests/api/core/test_leaks.py", f"--junitxml={report}"]
    subprocess.run(command, cwd=ROOT, env=plain, capture_output=True)
    suite = ElementTree.parse(report).getroot().find("testsuite")
    assert suite is not None
    assert int(suite.attrib["tests"]) > 20, "the leak test did not run"
    return int(suite.attrib["failures"]) + int(suite.attrib["errors"])


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
    bars: dict[str, float] = {"page_p95_ms": quantiles(medians, n=20)[-1], "first_load_kb": first_load_kb()}
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright runs an event loop in this thread
    bars |= {**in_browser(free_port()), "leaks": leaks()}
    print("\n" + ", ".join(f"{name} {value:.0f}" for name, value in bars.items()))
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
