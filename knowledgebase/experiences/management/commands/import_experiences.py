"""``manage.py import_experiences PATH...``: records from files into the store, as often as you like."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from knowledgebase.accounts.selectors import user_named
from knowledgebase.accounts.services import ADMINISTRATOR, personal_team
from knowledgebase.core.database import refresh_statistics
from knowledgebase.experiences.importers.jsonl import Unreadable, read
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences

BATCH = 200
ENDINGS = (".jsonl", ".jsonl.gz")


@dataclass
class Report:
    """What was read, and what became of it."""

    read: int = 0
    imported: int = 0
    merged: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def refuse(self, reason: str) -> None:
        self.refused += 1
        self.reasons[reason[:300]] += 1


class Command(BaseCommand):
    help = "Import TuneLore JSON Lines (.jsonl, .jsonl.gz). A second import of the same file changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument(
            "--user", default=ADMINISTRATOR, help="whom the records belong to (default: %(default)s)"
        )
        parser.add_argument("--visibility", choices=Experience.Visibility.values, default="team")
        parser.add_argument("--origin", default="", help="where the records come from")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would happen, and change nothing"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        user = user_named(options["user"])
        if user is None:
            raise CommandError(
                f"there is no user {options['user']!r}; the first start (manage.py serve) makes 'admin'"
            )
        where = {"owner": user, "team": personal_team(user)}
        where |= {"visibility": options["visibility"], "origin": options["origin"]}
        for path in options["paths"]:
            if path.is_symlink() or not path.is_file():
                raise CommandError(f"{path} is not a file (links are not followed)")
            if not path.name.endswith(ENDINGS):
                raise CommandError(f"{path}: TuneLore records come as {' or '.join(ENDINGS)}, one a line")
        report = Report()
        if options["dry_run"]:
            # One transaction for all, so that a record that stands twice is seen twice; then back.
            with transaction.atomic():
                self.read_all(options["paths"], report, where)
                transaction.set_rollback(True)
        else:
            self.read_all(options["paths"], report, where)
            refresh_statistics()
        self.show(report, as_json=options["json"])

    def read_all(self, paths: list[Path], report: Report, where: dict[str, Any]) -> None:
        for path in paths:
            for batch in batches(path, report):
                store(batch, report, where)
                self.stderr.write(f"\r{path.name}: {report.read:,} read", ending="")
                self.stderr.flush()
            self.stderr.write("")

    def show(self, report: Report, *, as_json: bool) -> None:
        counts = {name: getattr(report, name) for name in ("read", "imported", "merged", "refused")}
        if as_json:
            self.stdout.write(json.dumps({**counts, "reasons": dict(report.reasons)}))
            return
        self.stdout.write(", ".join(f"{count:,} {name}" for name, count in counts.items()))
        for reason, count in report.reasons.most_common(20):
            self.stdout.write(f"  refused {count}: {reason}")


def batches(path: Path, report: Report) -> Iterator[list[object]]:
    """Records of a file, some hundred at a time; what cannot be read is counted."""
    batch: list[object] = []
    try:
        for item in read(path):
            report.read += 1
            if isinstance(item, Unreadable):
                report.refuse(f"{path.name}: {item}")
            else:
                batch.append(item)
            if len(batch) == BATCH:
                yield batch
                batch = []
    except Unreadable as error:
        report.refuse(f"{path.name}: {error}")
    if batch:
        yield batch


def store(batch: list[object], report: Report, where: dict[str, Any]) -> None:
    for result in record_experiences(batch, **where):
        if result.problem is not None:
            report.refuse(f"{result.id or 'without id'}: {result.problem.detail}")
        elif result.status == 201:
            report.imported += 1
        else:
            report.merged += 1
