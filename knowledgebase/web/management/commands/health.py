"""``manage.py health ROLE``: whether a process on this machine does its work, as an exit status for supervisors."""

from __future__ import annotations

import urllib.error
import urllib.request
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from knowledgebase.celery import app
from knowledgebase.web.roles import ROLES, worker_name

PATIENCE_S = 10.0


class Command(BaseCommand):
    help = "Exit with 0 when the process of this role answers on this machine, else with 1 and the reason."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", choices=list(ROLES))
        parser.add_argument("--port", type=int, default=8000, help="web: port it listens on")

    def handle(self, *_args: Any, **options: Any) -> None:
        reason = web_problem(options["port"]) if options["role"] == "web" else worker_problem(options["role"])
        if reason:
            raise CommandError(reason)
        self.stdout.write("ok")


def web_problem(port: int) -> str:
    """Why the web server is not ready, "" when it is."""
    address = f"http://127.0.0.1:{port}/health/ready"
    try:
        urllib.request.urlopen(address, timeout=PATIENCE_S).close()
    except urllib.error.HTTPError as error:
        return f"{address} answers {error.code}: {error.read(300).decode(errors='replace')}"
    except OSError as error:
        return f"{address} does not answer: {error}"
    return ""


def worker_problem(role: str) -> str:
    """Why the worker cannot be counted on, "" when it answers."""
    name = worker_name(role)
    try:
        answer = app.control.inspect(destination=[name], timeout=PATIENCE_S).ping()
    except OSError as error:
        return f"the broker cannot be reached: {error}"
    return "" if answer and name in answer else f"{name} does not answer within {PATIENCE_S:.0f} s"
