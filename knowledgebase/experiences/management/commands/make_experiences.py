"""``manage.py make_experiences N``: invented but plausible experiences, to see how pages behave with many.

They go through the same door as real ones and say in their origin that they are invented. Same seed, same records:
started again after an interruption, it goes on. On PostgreSQL they are written by COPY. ``--bulk`` leaves out the
validator (a test holds the inventions against it), which is what a million of them needs.
"""

from __future__ import annotations

import random
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tunelore import record as records

from knowledgebase.accounts.selectors import user_named
from knowledgebase.accounts.services import ADMINISTRATOR, personal_team
from knowledgebase.core.database import refresh_statistics
from knowledgebase.experiences.services import record_experiences

ORIGIN = "invented"
BATCH, BULK_BATCH = 500, 5_000
METHODS = ("full", "lora", "partial", "probe", "linear")
FAILURES = (("oom", "host"), ("timeout", "wall"), ("diverged", None), ("error", None))
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
TASKS, LANGUAGE_MODELS = 60, 30


class Command(BaseCommand):
    help = "Write N invented experiences (origin: invented), to try the hub at size. Never for learning from."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int, help="how many")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--user", default=ADMINISTRATOR, help="who owns them (default: %(default)s)")
        parser.add_argument(
            "--tasks", type=int, default=TASKS, help="on how many tasks (default: %(default)s)"
        )
        parser.add_argument("--bulk", action="store_true", help="larger batches, and no check of each record")

    def handle(self, *_args: Any, **options: Any) -> None:
        number, user = options["number"], user_named(options["user"])
        if number < 1:
            raise CommandError(f"{number} is no number of experiences; give 1 or more")
        if user is None:
            raise CommandError(
                f"there is no user {options['user']!r}; start the hub once, or name another with --user"
            )
        team, began, new, batch = personal_team(user), time.monotonic(), 0, []
        size, how = (
            (BULK_BATCH if options["bulk"] else BATCH),
            {"origin": ORIGIN, "is_checked": options["bulk"]},
        )
        for place, record in enumerate(invented(number, options["seed"], options["tasks"]), start=1):
            batch.append(record)
            if len(batch) == size or place == number:
                results = record_experiences(batch, owner=user, team=team, **how)
                refused = [one.problem.detail for one in results if one.problem]
                if refused:
                    raise CommandError(f"a record was refused: {refused[0]}")
                new += sum(one.status == 201 for one in results)
                batch = []
                self.progress(place, number, time.monotonic() - began)
        refresh_statistics()
        self.stdout.write(f"\n{new:,} new, {number - new:,} already there")

    def progress(self, place: int, number: int, seconds: float) -> None:
        """On a terminal one line that changes, elsewhere a line now and then."""
        if self.stdout.isatty() or place % (20 * BATCH) == 0 or place == number:
            end = "\r" if self.stdout.isatty() else "\n"
            self.stdout.write(f"{place:,} of {number:,}, {place / seconds:,.0f} a second", ending=end)
            self.stdout.flush()


def invented(number: int, seed: int, on_tasks: int = TASKS) -> Iterator[dict[str, Any]]:
    """Valid records; scores, costs and failures hang together as real ones do."""
    chance = random.Random(seed)  # noqa: S311 - invents, guards nothing
    tasks = [task(place, chance) for place in range(on_tasks)]
    models = [language_model(place) for place in range(LANGUAGE_MODELS)]
    for place in range(number):
        yield one(seed, place, tasks, models)


def one(seed: int, place: int, tasks: list[dict[str, Any]], models: list[dict[str, Any]]) -> dict[str, Any]:
    rng = random.Random(f"{seed} {place}")  # noqa: S311 - invents, guards nothing
    chosen, method = rng.choice(tasks), rng.choice(METHODS)
    model = rng.choice(models) if method != "linear" else None
    pipeline = {"method": method, "space": None, "hyperparameters": hyperparameters(rng, method)}
    size = model["features"]["parameters"] / 1e8 if model else 0.01
    seconds = round(rng.lognormvariate(0, 0.4) * (2 + 40 * size * (1.0 if method == "full" else 0.6)), 3)
    failed = rng.random() < min(0.6, 0.1 + 0.1 * size)
    score = round(min(0.99, max(0.01, rng.gauss(0.55 + 0.05 * size, 0.15))), 4)
    began = FIRST + timedelta(minutes=3 * place)
    status, cause = rng.choice(FAILURES) if failed else ("ok", None)
    return {
        "schema": records.SCHEMA_ID,
        "id": records.import_id("invented", f"{seed}:{place}"),
        "started_at": stamp(began),
        "finished_at": stamp(began + timedelta(seconds=seconds)),
        "task": chosen,
        "system": {
            "features": {"cpu_cores_logical": 2 ** rng.randint(1, 5)},
            "software": {"python": "3.11.7"},
        },
        "language_model": model,
        "pipeline": pipeline,
        "outcome": {"status": status, "cause": cause, "phase": "train" if failed else None},
        "metrics": {} if failed else {"validation": {"f1_macro": score, "accuracy": round(score**0.9, 4)}},
        "primary": None if failed else {"split": "validation", "metric": "f1_macro", "value": score},
        "cost": {
            "evaluation_s": seconds,
            "cpu_s": seconds,
            "host_memory_bytes": int((0.3 + 2 * size) * 2**30),
        },
        "curve": [
            {"step": 10 * step, "seconds": step, "values": {"loss": round(2 / step, 4)}}
            for step in range(1, 7)
        ],
        "limits": {"wall_s": 600, "host_memory_bytes": 8 * 2**30},
        "fidelity": {"train_rows": int(chosen["metafeatures"]["values"]["instances"])},
        "provenance": {"client": "tunelore-hub", "via": f"import:{ORIGIN}", "seed": place},
    }


def hyperparameters(rng: random.Random, method: str) -> dict[str, Any]:
    if method in ("probe", "linear"):
        return {"c": round(10 ** rng.uniform(-2, 2), 5), "class_weights": rng.random() < 0.5}
    found = {
        "learning_rate": round(10 ** rng.uniform(-5, -2), 8),
        "epochs": rng.randint(1, 10),
        "batch_size": rng.choice((8, 16, 32, 64)),
        "max_length": rng.choice((64, 128, 256)),
    }
    return {**found, "lora_r": rng.choice((4, 8, 16))} if method == "lora" else found


def task(place: int, rng: random.Random) -> dict[str, Any]:
    classes = rng.choice((2, 2, 3, 4, 5, 6, 10, 20, 77, 150))
    values = {
        "instances": int(10 ** rng.uniform(2.3, 5)),
        "classes": classes,
        "imbalance": round(rng.uniform(0, 1.5), 4),
        "mean_length": round(10 ** rng.uniform(1.3, 3.3), 2),
        "landmark": round(rng.uniform(0.1, 0.95), 4),
    }
    return {
        "kind": "text-classification",
        "name": f"invented task {place:02}",
        "dataset": {"source": "file", "name": f"invented-{place:02}", "label_column": "label"},
        "metafeatures": {"extractor": "invented", "version": 1, "sampled": False, "values": values},
    }


def language_model(place: int) -> dict[str, Any]:
    parameters = int(4e6 * 1.22**place)
    features = {
        "architecture": ("bert", "roberta", "gpt2")[place % 3],
        "layers": 2 + place % 22,
        "parameters": parameters,
    }
    return {"source": "hub", "name": f"invented/encoder-{place:02}", "revision": "1", "features": features}


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
