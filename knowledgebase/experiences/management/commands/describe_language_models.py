"""``manage.py describe_language_models``: fills the gaps of known language models from the shipped catalogue.

New ones are described when their first record comes; this is for those that came before, or before a new catalogue.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from knowledgebase.experiences.models import LanguageModelDescription
from knowledgebase.experiences.services.changes import lock_changes
from knowledgebase.experiences.services.references import complete_again

CHUNK = 500


class Command(BaseCommand):
    help = (
        "Complete the features of known language models from the shipped catalogue; what records say stays."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        changed = 0
        with transaction.atomic():
            lock_changes()
            rows = LanguageModelDescription.objects.select_related("language_model")
            for row in rows.iterator(chunk_size=CHUNK):
                if complete_again(row):
                    row.save()
                    changed += 1
        self.stdout.write(f"{changed:,} of {rows.count():,} descriptions of language models completed")
