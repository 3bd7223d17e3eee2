"""The hub whose pages are timed: many invented experiences, and a search that runs beside one that has ended.

What it holds is made once and kept. It does not know how anything is measured.
"""

from __future__ import annotations

import os
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

TITLES = {"running": "score and time, while it runs", "done": "score and time, ended"}
TRIALS = 60
METHODS = ("full", "lora", "partial", "probe", "linear")


def prepare(home: Path, experiences: int) -> None:
    """A hub with an administrator and so many invented experiences; what is there stays."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ |= {"DJANGO_SETTINGS_MODULE": "knowledgebase.settings", "TUNELORE_HOME": str(home)}
    os.environ["TUNELORE_ALLOWED_HOSTS"] = "testserver,127.0.0.1"
    import django

    django.setup()
    from django.core.management import call_command

    from knowledgebase.accounts.services import ensure_administrator
    from knowledgebase.experiences.models import Experience

    call_command("migrate", verbosity=0)
    ensure_administrator()
    if Experience.objects.count() < experiences:
        call_command("make_experiences", str(experiences))
    make_searches()


def make_searches() -> None:
    """One search that runs and one that has ended, each with its trials, on the first task's rows."""
    from django.utils import timezone

    from knowledgebase.accounts.models import User
    from knowledgebase.accounts.services import personal_team
    from knowledgebase.experiences.models import LanguageModel, TaskDescription
    from knowledgebase.searches.models import Dataset, Search, Trial

    owner, now = User.objects.get(username="admin"), timezone.now()
    team = personal_team(owner)
    words = TaskDescription.objects.select_related("task").filter(name="invented task 03").first()
    assert words is not None
    models = [row.key for row in LanguageModel.objects.order_by("pk")[:4]]
    dataset, _ = Dataset.objects.get_or_create(
        owner=owner, team=team, source="builtin", name="parameter-type",
        defaults={"state": "ready", "task_digest": words.task.digest, "metafeatures": words.metafeatures,
                  "classes": [str(n) for n in range(8)], "train_rows": 600, "fingerprint": "rows-sha256:" + "1" * 64},
    )  # fmt: skip
    for state, title in TITLES.items():
        if Search.objects.filter(owner=owner, title=title).exists():
            continue
        search = Search.objects.create(
            owner=owner, team=team, dataset=dataset, title=title, sampler="process", slots=2, wall_s=60, seed=1,
            objectives=["score", "seconds"], budget_trials=TRIALS + (state == "running") * 20, state=state,
            started_at=now - timedelta(hours=1), ended_at=None if state == "running" else now,
            host_memory_bytes=2 * 2**30, prior_summary=prior_summary(models),
        )  # fmt: skip
        Trial.objects.bulk_create(trial(search, number, models, now) for number in range(1, TRIALS + 1))


def prior_summary(models: list[str]) -> dict[str, Any]:
    even = {"method": dict.fromkeys(METHODS, 0.2), "language_model": dict.fromkeys(models, 1 / len(models))}
    return {"neighbours": [], "distributions": even, "uniform": even}


def trial(search: Any, number: int, models: list[str], now: Any) -> Any:
    from knowledgebase.searches.models import Trial

    chance = random.Random(number)
    method, ended = METHODS[number % 5], now - timedelta(seconds=60 * (TRIALS - number))
    failed = number % 6 == 0
    return Trial(
        search=search, number=number, method=method, state="done", status="oom" if failed else "ok",
        language_model="" if method == "linear" else chance.choice(models), phase="train" if failed else "",
        score=None if failed else round(chance.uniform(0.4, 0.8), 4), seconds=round(chance.uniform(1, 60), 1),
        memory_bytes=chance.randint(2**28, 2**31), origin="prior" if number < 10 else "model",
        started_at=ended - timedelta(seconds=50), finished_at=ended,
    )  # fmt: skip


def addresses() -> dict[str, str]:
    """One address of every page, and the heavier ways to ask for the list."""
    from knowledgebase.accounts.models import Team, User
    from knowledgebase.experiences.models import Experience, LanguageModel, Task
    from knowledgebase.searches.models import Search

    task, model = (
        Task.objects.filter(descriptions__name="invented task 03").distinct().get(),
        LanguageModel.objects.first(),
    )
    newest = list(Experience.objects.order_by("-change_seq").values_list("pk", flat=True)[:8])
    some, every = ("&".join(f"id={key}" for key in newest[:most]) for most in (3, 8))
    running, ended = (Search.objects.get(title=title) for title in TITLES.values())
    team = Team.objects.get(personal_of=User.objects.get(username="admin"))
    assert model is not None
    return {
        "overview": "/",
        "list": "/experiences/",
        "list, failures": "/experiences/?status=failed",
        "list, a part of a name": "/experiences/?q=task 03",
        "list, an expression": "/experiences/?filter=h.learning_rate > 1e-3 and method = lora",
        "list, by score": "/experiences/?order=-score",
        "list, by a hyper-parameter": "/experiences/?order=-h.learning_rate",
        "list, by a metric": "/experiences/?order=-metrics.validation.accuracy",
        "experience": f"/experiences/{newest[0]}/",
        "compare": f"/experiences/compare/?{some}",
        "compare eight": f"/experiences/compare/?{every}",
        "scatter": "/experiences/scatter/?x=h.learning_rate&y=score",
        "publish": f"/experiences/{newest[0]}/publish/",
        "publish, several": f"/experiences/publish/?{some}",
        "tasks": "/experiences/tasks/",
        "task": f"/experiences/tasks/{task.digest}/",
        "task map": "/experiences/task-map/",
        "language models": "/experiences/language-models/",
        "language model": f"/experiences/language-models/{model.pk}/",
        "searches": "/searches/",
        "search that runs": f"/searches/{running.pk}/",
        "search that has ended": f"/searches/{ended.pk}/",
        "trial": f"/searches/{ended.pk}/trials/1/",
        "new search": "/searches/new/",
        "new search, set-up": f"/searches/new/{running.dataset_id}/",
        "prior": f"/searches/prior/?task={task.digest}",
        "account": "/accounts/",
        "team": f"/accounts/teams/{team.slug}/",
        "people": "/accounts/people/",
        "log of changes": "/accounts/audit/",
        "API": "/docs/",
        "API, a resource": "/docs/experiences/",
    }
