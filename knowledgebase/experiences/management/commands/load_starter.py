"""``manage.py load_starter``: the experience that ships with TuneLore into this hub's store."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from knowledgebase.experiences import starter
from knowledgebase.experiences.importers.jsonl import read
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences

FILE = Path(starter.__file__).parent / "experience.jsonl.gz"
BATCH = 200


class Command(BaseCommand):
    help = "Load the starter experience. Again is harmless; what you deleted stays deleted."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not FILE.exists():
            self.stdout.write(f"No starter experience in this checkout ({FILE.name} is absent)")
            return
        items, new, known = read(FILE), 0, 0
        while batch := list(islice(items, BATCH)):
            results = record_experiences(
                batch, owner=None, team=None, visibility=Experience.Visibility.HUB, origin="starter"
            )
            new += sum(result.status == 201 for result in results)
            known += sum(result.status == 200 for result in results)
        self.stdout.write(f"Starter experience: {new} new, {known} already there")
