"""``manage.py serve``: bring the whole hub up in one terminal, with nothing to configure.

It prepares the database, loads the starter experience, and starts the web server, the control worker with the
scheduler and the trials worker. It does not know what these processes do.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from knowledgebase.accounts.services import ensure_administrator
from knowledgebase.web.processes import (
    AlreadyServed,
    Child,
    PortInUse,
    Supervisor,
    check_port,
    sole_server,
)
from knowledgebase.web.roles import ROLES, Place

LEAST_FREE_BYTES = 256 * 2**20
READY_SECONDS = 60.0
NAMES = {"web": "web server", "control": "control worker", "trials": "trials worker"}


class Command(BaseCommand):
    help = "Serve the hub: web, control worker with scheduler, trials worker. Ctrl-C stops all of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
        )
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--slots", type=int, default=2, help="trials at the same time, one thread each")

    def handle(self, *_args: Any, **options: Any) -> None:
        host, port, slots = options["host"], options["port"], options["slots"]
        home = settings.HOME
        try:
            check_port(host, port)
            self.check_disk(home)
            with sole_server(home):
                call_command("prepare", quiet=True, stdout=self.stdout)
                self.run(host, port, slots, home)
        except (PortInUse, AlreadyServed) as error:
            raise CommandError(str(error)) from error

    def check_disk(self, home: Path) -> None:
        free = shutil.disk_usage(home).free
        if free < LEAST_FREE_BYTES:
            raise CommandError(
                f"{home} has {free / 2**20:.0f} MiB of free disk space, "
                f"the hub needs {LEAST_FREE_BYTES / 2**20:.0f}. Free some, or put the hub "
                "elsewhere: TUNELORE_HOME=/another/folder"
            )

    def run(self, host: str, port: int, slots: int, home: Path) -> None:
        address = f"http://{host}:{port}"
        environment = {**os.environ, "TUNELORE_HOME": str(home)}
        environment.setdefault("TUNELORE_PUBLIC_URL", address)
        supervisor = Supervisor(children(host, port, slots, settings.LOGS_FOLDER), environment)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, supervisor.request_stop)
        supervisor.start()
        try:
            if self.wait_ready(address, supervisor):
                self.greet(address, home)
            for child in supervisor.watch():
                self.stderr.write(f"{child.name} ended unexpectedly, starting it again; its log: {child.log}")
        finally:
            self.stdout.write("Stopping")
            supervisor.stop()
            self.stdout.write("Stopped")

    def wait_ready(self, address: str, supervisor: Supervisor) -> bool:
        self.stdout.write("Starting web server and workers")
        end = time.monotonic() + READY_SECONDS
        while not supervisor.stopping:
            dead = [child for child in supervisor.children if child.is_dead()]
            if dead or time.monotonic() > end:
                who = dead[0] if dead else supervisor.children[0]
                supervisor.stop()
                raise CommandError(
                    f"{who.name} did not start. The end of its log ({who.log}):\n{tail(who.log)}"
                )
            if is_ready(address):
                return True
            time.sleep(0.2)
        return False

    def greet(self, address: str, home: Path) -> None:
        link = ensure_administrator()
        self.stdout.write(f"\nTuneLore is at {address}/ (data in {home}; Ctrl-C stops it)")
        if link:
            self.stdout.write(f"Sign in once with this link, as administrator: {address}{link}")
        else:
            self.stdout.write("A new sign-in link, when you need one: python manage.py login_link")
        self.stdout.flush()


def children(host: str, port: int, slots: int, logs: Path) -> list[Child]:
    """The processes of one hub, with their command lines."""
    logs.mkdir(parents=True, exist_ok=True)
    place = Place(host, port, slots=slots)
    return [Child(NAMES[role], command(place), logs / f"{role}.log") for role, command in ROLES.items()]


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health/ready", timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(empty)"
