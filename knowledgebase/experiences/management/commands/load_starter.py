"""``manage.py load_starter``: the experience that ships with TuneLore into this hub's store."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from knowledgebase.experiences import starter
from knowledgebase.experiences.importers import Found, Refused, Source, read
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences

FILE = Path(starter.__file__).parent / "experience.jsonl.gz"
BATCH = 200
MEANINGS = {410: "deleted here before, left out", 409: "known here with other content, left out"}


class Command(BaseCommand):
    help = "Load the starter experience. Again is harmless; what you deleted stays deleted."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not FILE.exists():
            self.stdout.write(f"No starter experience in this checkout ({FILE.name} is absent)")
            return
        answers: Counter[int] = Counter()
        items = read(Source("jsonl", (FILE,), FILE.parent))
        while batch := list(islice(items, BATCH)):
            damage = next((one for one in batch if isinstance(one, Refused)), None)
            if damage is not None:
                told = f"{damage.place}, {damage.reason}"
                raise CommandError(f"the starter experience is damaged ({told}); get it again")
            results = record_experiences(
                [one.record for one in batch if isinstance(one, Found)],
                owner=None,
                team=None,
                visibility=Experience.Visibility.HUB,
                origin="starter",
            )
            answers.update(result.status for result in results)
        new, known = answers.pop(201, 0), answers.pop(200, 0)
        self.stdout.write(f"Starter experience: {new} new, {known} already there")
        for status, count in sorted(answers.items()):
            self.stdout.write(f"  {count} {MEANINGS.get(status, 'refused')}")
