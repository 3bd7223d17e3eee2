"""``manage.py process ROLE``: become one process of a hub that is spread over containers or machines."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from knowledgebase.web.roles import ROLES, Place


class Command(BaseCommand):
    help = "Become one process of a hub: web, control (one a hub) or trials (one a device). See also: serve."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", choices=list(ROLES))
        parser.add_argument("--host", default="127.0.0.1", help="web: address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="web: port to listen on")
        parser.add_argument("--workers", type=int, default=1, help="web: processes, 8 threads each")
        parser.add_argument("--slots", type=int, default=1, help="trials: trials at the same time")

    def handle(self, *_args: Any, **options: Any) -> None:
        place = Place(options["host"], options["port"], options["workers"], options["slots"])
        command = ROLES[options["role"]](place)
        # The same process goes on under the new command, so that signals reach it and not a shell around it.
        os.execv(command[0], command)  # noqa: S606 - our own command line, without a shell
