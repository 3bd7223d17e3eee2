"""Takes the pictures of the tour from a real hub: ``make tour``, after ``make demo`` has filled it.

It serves the hub's own data with the web process alone and opens each page in Chromium. It invents no rows; a page
that the hub has nothing for is named and left out.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PICTURES = Path(__file__).resolve().parent
WIDTH, HEIGHT = 1280, 800
# Picture -> link to follow, from the page that it stands on (a CSS selector), or the address itself.
PAGES: dict[str, tuple[str, str]] = {
    "overview": ("/", ""),
    "experiences": (
        "/experiences/?columns=task,method,status,score,seconds,h.learning_rate&order=-score",
        "",
    ),
    "failure": ("/experiences/?status=oom", "tbody a.id"),
    "scatter": ("/experiences/scatter/?x=h.learning_rate&y=score", ""),
    "task": ("/experiences/tasks/", "tbody a"),
    "task-map": ("/experiences/task-map/", ""),
    "language-models": ("/experiences/language-models/", ""),
    "prior": ("/experiences/tasks/", 'tbody a >> a[href^="/searches/prior/"]'),
    "new-search": ("/searches/new/", 'a[href^="/searches/new/"]'),
    "search": ("/searches/", "tbody a"),
    "trial": ("/searches/", "tbody a >> tbody a"),
}


def check_free(port: int) -> None:
    """Another server there would be the one in the pictures."""
    with socket.socket() as tried:
        if tried.connect_ex(("127.0.0.1", port)) == 0:
            sys.exit(f"something else answers on port {port}: stop it, or say --port (make tour PORT=...)")


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(150):
        if server.poll() is not None:
            sys.exit("the web process did not start")
        try:
            urllib.request.urlopen(f"{address}/health/ready", timeout=2).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit(f"{address} is not ready after 30 s")


def take(page: Any, address: str, name: str) -> bool:
    """One picture; False when a link on the way is not there."""
    start, way = PAGES[name]
    page.goto(address + start)
    for selector in filter(None, way.split(" >> ")):
        link = page.locator(f"main {selector}").first
        if not link.count():
            return False
        page.goto(address + link.get_attribute("href"))
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True, clip=None, animations="disabled")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    chromium = (
        os.environ.get("TUNELORE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if not chromium:
        sys.exit("no Chromium found (Debian: apt-get install chromium, or set TUNELORE_CHROMIUM)")
    from playwright.sync_api import sync_playwright

    address = f"http://127.0.0.1:{options.port}"
    environment = {**os.environ, "TUNELORE_PUBLIC_URL": address}
    manage = [sys.executable, "manage.py"]
    said = subprocess.run([*manage, "login_link"], cwd=ROOT, env=environment, capture_output=True, text=True)
    link = re.search(r"/accounts/login/\S+", said.stdout)
    if link is None:
        sys.exit(f"no sign-in link: {said.stdout}{said.stderr}\nRun make demo first: the tour shows its hub.")
    check_free(options.port)
    server = subprocess.Popen(
        [*manage, "process", "web", "--port", str(options.port)], cwd=ROOT, env=environment
    )
    try:
        wait_for(address, server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            page.goto(address + link[0])
            page.get_by_role("button", name="Sign in").click()
            missing = [name for name in PAGES if not take(page, address, name)]
            browser.close()
    finally:
        server.terminate()
        server.wait()
    for name in missing:
        print(f"nothing to show for {name}; run make demo first", file=sys.stderr)
    print(f"{len(PAGES) - len(missing)} pictures in {PICTURES.relative_to(ROOT)}")
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
