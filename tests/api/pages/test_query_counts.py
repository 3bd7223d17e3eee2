"""How many queries every page takes: never more than is said here, and no more however much the hub holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from knowledgebase.accounts import services as accounts
from knowledgebase.accounts.models import Team
from knowledgebase.experiences.models import Experience, LanguageModel, Task
from knowledgebase.experiences.services import record_experiences
from knowledgebase.searches.models import Dataset, Search, Trial
from tests.cast import Person
from tests.routes import NO_PAGE, PAGES

pytestmark = pytest.mark.django_db
# The name of an address -> pages of it, each with the most queries that it may take. Every page asks for the session
# and the person. "{...}" is filled in by `places`; a name with a blank behind it is another way to ask for the page.
BOUNDS = {
    "accounts:audit": [("/accounts/audit/", 7)],
    "accounts:create-token": [("/accounts/", 4)],
    "accounts:forgot": [("/accounts/forgot/", 2)],
    "accounts:index": [("/accounts/", 4)],
    "accounts:invitation": [("{invitation}", 3)],
    "accounts:login-link": [("/accounts/login/never-was/", 2)],
    "accounts:people": [("/accounts/people/", 4)],
    "accounts:reset": [("{reset}", 3)],
    "accounts:reset-link": [("/accounts/people/", 4)],
    "accounts:sign-in": [("/accounts/sign-in/", 2)],
    "accounts:team": [("/accounts/teams/{slug}/", 7)],
    "experiences:compare": [("/experiences/compare/?{two}", 10), ("/experiences/compare/?{eight}", 10)],
    "experiences:delete": [("/experiences/{good}/delete/", 5)],
    "experiences:detail": [("/experiences/{good}/", 12), ("/experiences/{failed}/", 12)],
    "experiences:index": [("/experiences/", 6), ("/experiences/?filter=score > 0.1", 5)],
    "experiences:language-model": [("/experiences/language-models/{model}/", 11)],
    "experiences:language-models": [("/experiences/language-models/", 8)],
    "experiences:publish": [("/experiences/{good}/publish/", 8)],
    "experiences:publish-selected": [("/experiences/publish/?{two}", 4), ("/experiences/publish/?{eight}", 4)],
    "experiences:scatter": [("/experiences/scatter/?x=h.learning_rate&y=score", 4)],
    "experiences:task": [("/experiences/tasks/{task}/", 9)],
    "experiences:task-map": [("/experiences/task-map/", 7)],
    "experiences:tasks": [("/experiences/tasks/", 5)],
    "experiences:withdraw": [("/experiences/{good}/withdraw/", 5)],
    "searches:columns": [("{upload}", 2)],
    "searches:delete": [("/searches/{search}/delete/", 8)],
    "searches:delete-dataset": [("/searches/datasets/{dataset}/delete/", 7)],
    "searches:detail": [("/searches/{search}/", 5)],
    "searches:index": [("/searches/", 4)],
    "searches:new": [("/searches/new/", 4)],
    "searches:prior": [("/searches/prior/", 5), ("/searches/prior/?task={task}", 21)],
    "searches:set-up": [("/searches/new/{dataset}/", 12)],
    "searches:trial": [("/searches/{search}/trials/1/", 7)],
    "web:docs": [("/docs/", 2)],
    "web:docs-resource": [("/docs/experiences/", 2)],
    "web:overview": [("/", 14)],
}  # fmt: skip


@pytest.fixture
def operator(owner: Person) -> Person:
    """The owner runs the hub too, so that one visitor meets every page."""
    owner.user.is_superuser = True
    owner.user.save()
    return owner


@pytest.fixture
def fill(
    operator: Person, record: Callable[..., Any], failed_record: Callable[..., Any], make_person: Any
) -> Callable[[int], None]:
    """Put so many more of everything into the hub."""
    team = accounts.create_team("sea reports", owner=operator.user)

    def add(many: int) -> None:
        start = Task.objects.count()
        made = [
            one
            for n in range(start, start + many)
            for one in (recorded(record, n, 0.5), recorded(record, n, 0.6), recorded(failed_record, n, None))
        ]
        results = record_experiences(made, owner=operator.user, team=operator.team)
        assert {one.status for one in results} == {201}
        for n in range(start, start + many):
            accounts.add_member(team, make_person(f"sailor-{n}").user, actor=operator.user)
            accounts.create_token(operator.user, f"token {n}", ["experiences:read"], team=team)
            accounts.create_team(f"crew {n}", owner=operator.user)
            accounts.invite(team, actor=operator.user)
            searched(operator, n, many)

    return add


def recorded(make: Callable[..., Any], number: int, score: float | None) -> dict[str, Any]:
    """A run on a task and with a language model of this number, so that nearby ones are comparable."""
    one: dict[str, Any] = make()
    one["task"]["name"] = f"notes {number}"
    one["task"]["dataset"]["fingerprint"] = f"rows-sha256:{number:064x}"
    one["task"]["metafeatures"]["values"]["instances"] += number
    one["language_model"]["name"] = f"tiny/encoder-{number}"
    one["fidelity"] = {"train_rows": 400}
    if score is not None:
        one["primary"]["value"] = one["metrics"]["validation"]["f1_macro"] = score
        one["curve"] = [{"step": step, "values": {"loss": 1 / step}} for step in range(1, 4)]
    return one


def searched(person: Person, number: int, trials: int) -> None:
    """A search on rows like the store's, and trials in the oldest one."""
    task = Task.objects.order_by("pk")[0]
    dataset = Dataset.objects.create(
        owner=person.user, team=person.team, source="builtin", name=f"notes {number}", state="ready",
        fingerprint=f"rows-sha256:{number:064x}", train_rows=400, task_digest=task.digest, classes=["a", "b"],
        metafeatures=recorded_statistics(task),
    )  # fmt: skip
    Search.objects.create(
        owner=person.user, team=person.team, dataset=dataset, title=f"search {number}", sampler="process",
        objectives=["score", "seconds"], budget_trials=200, state="running", slots=1, wall_s=60,
        started_at="2026-11-20T10:00:00Z", seed=1,
    )  # fmt: skip
    first = Search.objects.order_by("created_at", "pk")[0]
    begun = Trial.objects.filter(search=first).count()
    for n in range(begun + 1, begun + 1 + trials):
        Trial.objects.create(
            search=first, number=n, method="linear", state="done", status="ok" if n % 3 else "oom", phase="train",
            score=0.5 if n % 3 else None, seconds=1.0 + n, memory_bytes=2**30,
            started_at="2026-11-20T10:00:01Z", finished_at="2026-11-20T10:01:00Z",
        )  # fmt: skip


def recorded_statistics(task: Task) -> dict[str, Any]:
    row = Experience.objects.filter(task=task)[0]
    found: dict[str, Any] = row.record["task"]["metafeatures"]
    return found


@pytest.fixture
def places(operator: Person, fill: Callable[[int], None]) -> dict[str, str]:
    """What stands for what in the addresses."""
    fill(8)
    good = [str(key) for key in Experience.objects.filter(status="ok").values_list("pk", flat=True)]
    team = Team.objects.get(name="sea reports")
    films = b"review,stars\n" + b"".join(b"film %d,%d\n" % (n, n % 2) for n in range(30))
    answer = operator.pages.post("/searches/new/", {"file": SimpleUploadedFile("films.csv", films)})
    first = Search.objects.order_by("created_at", "pk")[0]
    return {
        "good": good[0],
        "failed": str(Experience.objects.filter(status="oom")[0].pk),
        "two": "&".join(f"id={key}" for key in good[:2]),
        "eight": "&".join(f"id={key}" for key in good[:8]),
        "task": Task.objects.order_by("pk")[0].digest,
        "model": str(LanguageModel.objects.order_by("pk")[0].pk),
        "slug": team.slug,
        "invitation": accounts.invite(team, actor=operator.user),
        "reset": accounts.create_reset_link(operator.user, actor=operator.user),
        "upload": answer.url,
        "search": str(first.pk),
        "dataset": str(first.dataset_id),
    }


def counted(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return [query["sql"] for query in queries]


def test_every_page_has_a_bound() -> None:
    names = {name for name, _ in PAGES} - NO_PAGE.keys()
    assert sorted(names ^ BOUNDS.keys()) == [], "say in BOUNDS how many queries these take; or they are gone"


def test_no_page_takes_more_queries_when_the_hub_holds_more(operator, places, fill):
    pages = [(address.format(**places), most) for some in BOUNDS.values() for address, most in some]
    few = {address: counted(operator.pages, address) for address, _ in pages}
    fill(24)
    many = {address: counted(operator.pages, address) for address, _ in pages}
    assert {address: len(few[address]) for address, most in pages if len(few[address]) > most} == {}
    grown = {
        address: (len(few[address]), len(many[address]))
        for address, _ in pages
        if len(many[address]) > len(few[address])
    }
    assert grown == {}
