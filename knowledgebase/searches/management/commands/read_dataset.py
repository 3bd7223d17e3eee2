"""``manage.py read_dataset ID``: fetches and reads one dataset, as the control worker has it done beside itself.

Started again it goes on where it broke off; of two at once one reads. It knows nothing of sources and formats.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand

from knowledgebase.searches import services


class Command(BaseCommand):
    help = "Fetch and read one dataset; the control worker starts this for datasets that take long."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dataset", type=UUID, help="its id")
        parser.add_argument("--parent", type=int, help="process without which there is no use in going on")

    def handle(self, *_args: Any, **options: Any) -> None:
        parent = options["parent"]
        state = services.read_apart(
            options["dataset"],
            # Not sys.exit: that ends a thread, and leaves the download to itself.
            end=lambda: os._exit(1),
            is_orphan=lambda: parent is not None and os.getppid() != parent,
        )
        self.stdout.write(state)
