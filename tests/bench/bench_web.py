"""How fast, how accessible and how discreet are the pages of a hub with many experiences? On SQLite.

`python tests/bench/bench_web.py [--experiences 100000] [--rounds 5] [--firsts 3]`: makes a hub of invented experiences
with two searches in build/bench/web-home (kept, so that a second run measures at once), asks every page `rounds` times
after one warm-up and prints the fastest and the median of the server's time, in this process, and beside it the
processor time, which other work on the machine does not stretch. Cold is the first page of a fresh process, the median
of `firsts` of them. `first_load_kb` is what a browser fetches
for its first page, gzipped. `axe_serious` and `console_errors` are counted in Chromium over the same pages, light and
dark; `leaks` are the failures of the test that asks for every address as everybody (tests/api/core/test_leaks.py).
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urljoin

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench import results  # noqa: E402
from tests.bench.web.clocks import measure  # noqa: E402
from tests.bench.web.hub import addresses, prepare  # noqa: E402
from tests.parts import free_port  # noqa: E402

HOME = ROOT / "build" / "bench" / "web-home"
COLUMNS = ("fastest_ms", "median_ms", "cpu_ms", "cold_ms", "cold_cpu_ms")
MANAGE = [sys.executable, "manage.py"]
CHROMIUM = os.environ.get("TUNELORE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def table(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, each printed when it is known."""
    print(f"{'page':28}{'fastest ms':>12}{'median ms':>12}{'CPU ms':>12}{'cold ms':>12}{'cold CPU ms':>12}")
    kept = []
    for row in rows:
        kept.append(row)
        print(f"{row['page']:28}" + "".join(f"{row[name]:12.0f}" for name in COLUMNS))
    return kept


def times(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The 95th percentile over the pages and the slowest one: warm and cold, by the clock and the processor."""
    bars: dict[str, float] = {}
    columns = {
        "page": "median_ms",
        "page_cpu": "cpu_ms",
        "page_cold": "cold_ms",
        "page_cold_cpu": "cold_cpu_ms",
    }
    for bar, column in columns.items():
        values = [float(row[column]) for row in rows]
        bars |= {f"{bar}_p95_ms": quantiles(values, n=20)[-1], f"{bar}_max_ms": max(values)}
    return bars


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
    parser.add_argument("--firsts", type=int, default=3, help="fresh processes for each page")
    parser.add_argument("--home", type=Path, default=HOME, help="the hub, kept (default: %(default)s)")
    parser.add_argument(
        "--only-times", action="store_true", help="neither browser nor leaks; nothing is written"
    )
    parser.add_argument("--target", type=Path, default=ROOT / "build" / "bench" / "web.json")
    options = parser.parse_args(arguments)
    prepare(options.home, options.experiences)
    rows = table(measure(addresses(), options.rounds, options.firsts))
    bars = times(rows) | {"first_load_kb": first_load_kb()}
    if options.only_times:
        print("\n" + ", ".join(f"{name} {value:.0f}" for name, value in bars.items()))
        return 0
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright runs an event loop in this thread
    bars |= {**in_browser(free_port()), "leaks": leaks()}
    print("\n" + ", ".join(f"{name} {value:.0f}" for name, value in bars.items()))
    document = {
        "machine": platform.machine(), "versions": {"python": platform.python_version()},
        "experiences": options.experiences, "rows": rows, "bars": bars,
    }  # fmt: skip
    results.write(document, options.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
