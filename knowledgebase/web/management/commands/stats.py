"""``manage.py stats``: what this hub holds, over everything and everybody."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.selectors import statistics_of
from knowledgebase.searches.models import Search
from knowledgebase.searches.selectors import search_report


class Command(BaseCommand):
    help = "Counts of experiences, tasks, language models and searches."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="machine-readable")

    def handle(self, *_args: Any, **options: Any) -> None:
        counts = asdict(statistics_of(Experience.objects.all()))
        names = ("experiences", "by_outcome", "by_method", "tasks", "language_models")
        document = {name: counts[name] for name in names}
        document["searches"] = [search_summary(search) for search in Search.objects.order_by("created_at")]
        if options["json"]:
            self.stdout.write(json.dumps(document))
            return
        for name in names:
            self.stdout.write(f"{name.replace('_', ' ')}: {plain(document[name])}")
        for search in document["searches"]:
            best = f", best {search['best']:.4f}" if search["best"] is not None else ""
            self.stdout.write(f"search {search['id']}: {search['state']}, {search['trials']} trials{best}")


def search_summary(search: Search) -> dict[str, object]:
    report = search_report(search)
    front = [{"trial": point.trial, "score": point.score, "seconds": point.seconds} for point in report.front]
    return {
        "id": str(search.pk),
        "state": report.state,
        "trials": report.trials_done,
        "failed": report.trials_failed,
        "front": front,
        "best": report.best.score if report.best else None,
    }


def plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items()) or "none"
    return str(value)
