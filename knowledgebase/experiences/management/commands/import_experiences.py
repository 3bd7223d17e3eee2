"""``manage.py import_experiences PATH...``: runs from files of many formats into the store, repeatable."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from knowledgebase.accounts.selectors import user_named
from knowledgebase.accounts.services import ADMINISTRATOR, personal_team
from knowledgebase.core.database import refresh_statistics
from knowledgebase.experiences.importers import FORMATS, plan
from knowledgebase.experiences.management.progress import Bar
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import Owner, Report, import_sources

COUNTS = ("read", "imported", "merged", "refused")
SHOWN, WIDTH = 20, 400


class Command(BaseCommand):
    help = (
        "Import runs from files and folders: TuneLore JSON Lines and Parquet, XAutoLM experience stores, Hugging Face "
        "checkpoint folders, MLflow and Optuna storages. A second import changes nothing; see docs/import-export.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--format", choices=FORMATS, help="take everything as this (default: by content)")
        parser.add_argument(
            "--user", default=ADMINISTRATOR, help="whom the records belong to (default: %(default)s)"
        )
        parser.add_argument("--visibility", choices=Experience.Visibility.values, default="team")
        parser.add_argument("--origin", default="", help="where the records come from")
        parser.add_argument(
            "--unfinished",
            action="store_true",
            help="take runs that MLflow or Optuna still call running, with the outcome unknown",
        )
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
        for path in options["paths"]:
            if not path.exists() and not path.is_symlink():
                raise CommandError(f"{path} is not a file or folder; check the path")
        belongs = Owner(user, personal_team(user), options["visibility"], options["origin"])
        bar, began = Bar(self.stderr), time.monotonic()

        def progress(report: Report) -> None:
            rate = report.read / max(time.monotonic() - began, 1e-3)
            bar.show(report.done, f"{report.read:,} read, {rate:,.0f} a second, {report.now}")

        sources = plan(options["paths"], options["format"])
        how = {name: options[name] for name in ("dry_run", "unfinished")}
        report = import_sources(sources, belongs, **how, progress=progress)
        bar.close()
        if report.imported and not options["dry_run"]:
            refresh_statistics()
        self.show(report, as_json=options["json"])

    def show(self, report: Report, *, as_json: bool) -> None:
        counts = {name: getattr(report, name) for name in COUNTS}
        if as_json:
            self.stdout.write(json.dumps({**counts, "reasons": dict(report.reasons)}))
        else:
            self.stdout.write(", ".join(f"{count:,} {name}" for name, count in counts.items()))
            for reason, count in report.reasons.most_common(SHOWN):
                self.stdout.write(f"  refused {count}: {reason[:WIDTH]}")
            more = len(report.reasons) - SHOWN
            if more > 0:
                self.stdout.write(f"  and {more:,} more reasons; --json gives them all")
        for note, count in report.notes.most_common(SHOWN):
            self.stderr.write(f"  note {count}: {note[:WIDTH]}")
