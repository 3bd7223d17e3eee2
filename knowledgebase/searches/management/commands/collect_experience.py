"""``manage.py collect_experience``: make the starter experience with ordinary searches over a fixed list.

One trial at a time, in this process, without a broker; killed and started again, it goes on. It knows nothing
of how trials run.
"""

from __future__ import annotations

import gzip
import json
import os
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from tunelore import record as records

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.services import create_user
from knowledgebase.celery import app
from knowledgebase.experiences.models import Experience
from knowledgebase.searches import bridge, services
from knowledgebase.searches.models import Dataset, Search, Trial

STARTER = Path(settings.ROOT) / "knowledgebase" / "experiences" / "starter"
COLLECTOR = "collector"


@dataclass(frozen=True)
class Plan:
    """What is collected: tasks, limits, draws and repeats from plan.json, pipelines from pipelines.json.

    Each draw is a seed, how many pipelines of each method, and how many of them are run (`count`); the list holds
    the draws one after another. A later draw adds to what earlier ones have collected.
    """

    tasks: Sequence[Mapping[str, Any]]
    limits: Mapping[str, Any]
    seed: int
    draws: Sequence[Mapping[str, Any]]
    evaluation_rows: int
    repeats: Mapping[str, int]
    pipelines: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, plan: Path, pipelines: Path) -> Plan:
        """Raises CommandError for a missing or broken file."""
        try:
            content = json.loads(plan.read_text(encoding="utf-8"))
            return cls(**content, pipelines=json.loads(pipelines.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise CommandError(f"cannot read the plan ({plan}, {pipelines}): {error}") from error

    def listed(self, task: str, draw: int) -> list[Mapping[str, Any]]:
        """One draw's pipelines for one task; the first ends with the task's repeat, under a number of its own."""
        start = sum(one["count"] for one in self.draws[:draw])
        listed = list(self.pipelines[start : start + self.draws[draw]["count"]])
        again = self.repeats.get(task) if draw == 0 else None
        return listed if again is None else [*listed, self.pipelines[again]]


class Command(BaseCommand):
    help = "Collect the starter experience: the same pipelines on every task of the plan. Restartable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--shared", type=Path, help="folder with the plan's data files below data/")
        parser.add_argument("--plan", type=Path, default=STARTER / "plan.json")
        parser.add_argument("--pipelines", type=Path, default=STARTER / "pipelines.json")
        parser.add_argument("--tasks", nargs="*", help="only these tasks of the plan")
        parser.add_argument("--export", type=Path, help="write all collected records here (.jsonl.gz)")
        parser.add_argument("--export-only", action="store_true", help="run nothing, export what there is")
        parser.add_argument(
            "--draw", action="store_true", help="draw the list of pipelines by the plan's seeds and stop"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        plan = Plan.read(options["plan"], options["pipelines"])
        if options["draw"]:
            pipelines = bridge.draw_lists(plan.draws)
            options["pipelines"].write_text(json.dumps(pipelines, indent=1) + "\n", encoding="utf-8")
            self.stdout.write(f"{len(pipelines)} pipelines in {options['pipelines']}")
            return
        self.detach()
        call_command("migrate", verbosity=0)
        tasks = [task for task in plan.tasks if not options["tasks"] or task["name"] in options["tasks"]]
        datasets = [self.dataset(task, options["shared"]) for task in tasks]
        draws = [
            [self.search(plan, draw, task, rows) for task, rows in zip(tasks, datasets, strict=True)]
            for draw in range(len(plan.draws))
        ]
        searches = [search for draw in draws for search in draw]
        if not options["export_only"]:
            self.collect(draws)
        self.report(plan, searches)
        if options["export"]:
            self.export(searches, options["export"])

    def detach(self) -> None:
        """Hints stay in this process: the loop below needs none, and no other worker shall take a trial."""
        app.conf.broker_url = "memory://localhost//"
        app.conf.broker_transport = None
        app.conf.broker_transport_options = {}

    def search(self, plan: Plan, draw: int, task: Mapping[str, Any], dataset: Dataset) -> Search:
        """The search of one draw on one task: the one of an earlier start, or a new one."""
        user, _ = self.collector()
        listed, later = plan.listed(task["name"], draw), f":{plan.draws[draw]['seed']}" if draw else ""
        request = services.SearchRequest(
            dataset=dataset,
            title=f"starter: {task['name']}",
            budget_trials=len(listed),
            wall_s=plan.limits["wall_s"],
            host_memory_bytes=plan.limits["host_memory_bytes"],
            train_rows=task["train_rows"],
            evaluation_rows=plan.evaluation_rows,
            warm_start=False,
            seed=plan.seed,
            listed=listed,
            idempotency_key=f"starter:{task['name']}{later}",
        )
        return services.launch_search(user, request)

    def collector(self) -> tuple[User, Team]:
        user = User.objects.filter(username=COLLECTOR).first() or create_user(COLLECTOR)
        team = Team.objects.filter(membership__user=user).first()
        if team is None:
            raise CommandError(f"user {COLLECTOR!r} has no team; remove it and start again")
        return user, team

    def dataset(self, task: Mapping[str, Any], shared: Path | None) -> Dataset:
        user, team = self.collector()
        source, name = task["source"], task["name"]
        usable = Dataset.objects.exclude(state__in=Dataset.UNUSABLE)
        known = usable.filter(owner=user, source=source, name=name).first()
        if source == "file":
            if shared is None:
                raise CommandError(f"task {name!r} reads files: say where they are with --shared")
            settings.DATA_ROOTS = [(shared / "data").resolve()]
        dataset = known or services.create_dataset(
            user,
            source=source,
            name=name,
            team=team,
            files=task.get("files"),
            text_columns=task.get("text_columns", ()),
            label_column=task.get("label_column", ""),
            languages=task.get("languages", ()),
            domain=task.get("domain", ""),
        )
        services.resolve_dataset(dataset.pk)
        dataset.refresh_from_db()
        if dataset.state != Dataset.State.READY:
            raise CommandError(f"task {name!r}: {dataset.problem.get('detail')}")
        self.stdout.write(f"{name}: {dataset.train_rows} training rows, {len(dataset.classes)} classes")
        return dataset

    def collect(self, draws: Sequence[Sequence[Search]]) -> None:
        """Draw by draw, and in each the tasks in turn: stopped anywhere, what is there is nearly a whole table."""
        searches = [search for draw in draws for search in draw]
        total = sum(search.budget_trials for search in searches)
        done = Trial.objects.filter(search__in=searches, state=Trial.State.DONE).count()
        self.stdout.write(f"{total} trials, {done} of them done before")
        started, before, worker = time.monotonic(), done, f"collect:{os.getpid()}"
        lists = ([search.pk for search in draw] for draw in draws)
        for trial in chain.from_iterable(services.drain_searches(ids, worker) for ids in lists):
            done += 1
            left = (time.monotonic() - started) / (done - before) * (total - done)
            self.stdout.write(f"{done}/{total}  {line_of(trial)}  about {left / 60:.0f} min left")
            self.stdout.flush()

    def report(self, plan: Plan, searches: Sequence[Search]) -> None:
        """What a reader of the table has to know: outcomes, noise, machine."""
        ended = Trial.objects.filter(search__in=searches, state=Trial.State.DONE)
        outcomes = Counter(ended.values_list("status", flat=True))
        shown = ", ".join(f"{count} {status}" for status, count in outcomes.most_common())
        self.stdout.write(f"{sum(outcomes.values())} trials ended: {shown or 'none'}")
        for task, number, first, second in repeats_of(searches):
            self.stdout.write(f"repeated: {task} trial {number}: {first} and {second}")
        drawn = ", ".join(f"{one['count']} with seed {one['seed']}" for one in plan.draws)
        self.stdout.write(f"pipelines drawn: {drawn}; limits of a trial: {dict(plan.limits)}")
        last = Experience.objects.filter(pk__in=ended.values("pk"), system__isnull=False).first()
        if last is not None and last.system is not None:
            self.stdout.write(f"machine: {json.dumps(last.system.features)}")
            self.stdout.write(f"software: {json.dumps(last.system.software)}")

    def export(self, searches: Sequence[Search], path: Path) -> None:
        """One record a line, sorted by id, the same bytes for the same records."""
        ids = Trial.objects.filter(search__in=searches, state=Trial.State.DONE).values("pk")
        rows = Experience.objects.filter(pk__in=ids).order_by("pk")
        lines = sorted(records.canonical(row.record) for row in rows.iterator())
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.part")
        with draft.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
            packed.write(b"".join(line + b"\n" for line in lines))
        draft.replace(path)
        self.stdout.write(f"{len(lines)} records in {path} ({path.stat().st_size:,} bytes)")


def line_of(trial: Trial) -> str:
    """One finished trial for people."""
    model = trial.language_model.rpartition("/")[2] or "-"
    score = "-" if trial.score is None else f"{trial.score:.3f}"
    seconds = "-" if trial.seconds is None else f"{trial.seconds:.1f} s"
    memory = "-" if trial.memory_bytes is None else f"{trial.memory_bytes / 2**30:.2f} GiB"
    outcome = f"{trial.status}/{trial.cause}" if trial.cause else trial.status
    name = trial.search.dataset.name
    return f"{name} {trial.number}: {trial.method} {model}: {outcome}, {score}, {seconds}, {memory}"


def repeats_of(searches: Sequence[Search]) -> list[tuple[str, int, str, str]]:
    """Pairs of trials of one pipeline: task, number of the repeat, first and second result."""
    found = []
    for search in searches:
        seen: dict[str, Trial] = {}
        for trial in search.trials.filter(state=Trial.State.DONE).order_by("number"):
            key = json.dumps([trial.method, trial.language_model, trial.hyperparameters], sort_keys=True)
            if key in seen:
                found.append((search.dataset.name, trial.number, _result(seen[key]), _result(trial)))
            seen.setdefault(key, trial)
    return found


def _result(trial: Trial) -> str:
    score = trial.status if trial.score is None else f"{trial.score:.4f}"
    return f"{score} in {trial.seconds or 0.0:.1f} s"
