"""Every page of the hub in a real browser, light and dark, on a phone, a laptop and a wide screen.

The pages come from the URL configuration: one that is neither visited here nor named in `NO_PAGE` fails the test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import resolve, reverse

from knowledgebase.accounts import services as accounts
from knowledgebase.experiences.models import Experience, LanguageModel, Task
from knowledgebase.experiences.services import record_experiences
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.web.api_document import api
from tests.browser.conftest import listen
from tests.cast import Person
from tests.routes import NO_PAGE, PAGES

pytestmark = pytest.mark.django_db(transaction=True)
SCREENS = Path(__file__).resolve().parents[2] / "build" / "screens"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
UNFOLD = "for (const one of document.querySelectorAll('details')) one.open = true"


@dataclass(frozen=True)
class Visit:
    """A page by the name of its picture: as who, and for the answer to a form what is written and pressed."""

    picture: str
    address: str
    who: str = "owner"
    written: dict[str, str] = field(default_factory=dict)
    pressed: str = ""


@pytest.fixture
def people(owner: Person, stranger: Person, make_person: Callable[..., Person]) -> dict[str, Person | None]:
    """Who is signed in; a newcomer sees nothing yet, the operator owns a team and runs the hub."""
    operator = make_person("otto")
    operator.user.is_superuser = True
    operator.user.save()
    return {"owner": owner, "newcomer": stranger, "operator": operator, "nobody": None}


@pytest.fixture
def lab(people: dict[str, Person], owner: Person, make_person: Callable[..., Person]) -> Any:
    """A team of the operator's: other members, and an invitation that is open."""
    team = accounts.create_team("sea reports", owner=people["operator"].user)
    accounts.add_member(team, make_person("vera").user, actor=people["operator"].user, role="viewer")
    return team


@pytest.fixture
def asked(owner: Person, record: Callable[..., Any]) -> Task:
    """One of five tasks of questions, on which both a score and a failure are known."""
    made = []
    for number in range(5):
        one = record()
        one["task"] |= {"kind": "question-answering", "name": f"ship questions {number}"}
        one["task"]["dataset"] |= {"fingerprint": f"rows-sha256:{number + 100:064x}"}
        one["task"]["metafeatures"] = {
            "extractor": "tunelore.question-answering", "version": 1, "sampled": False,
            "values": {"instances": 200.0 + 50 * number, "mean_length": 90.0 + number},
        }  # fmt: skip
        one["metrics"], one["primary"] = (
            {"validation": {"token_f1": 0.6}},
            {"split": "validation", "metric": "token_f1", "value": 0.6},
        )
        made.append(one)
    results = record_experiences(made, owner=owner.user, team=owner.team)
    assert {one.status for one in results} == {201}
    return Task.objects.get(descriptions__name="ship questions 0")


@pytest.fixture
def uploads(owner: Person) -> dict[str, str]:
    """Where somebody names the columns of a file, by what is in it."""
    questions = "".join(
        json.dumps({"context": f"Ada counted {n} ships.", "question": "How many?", "answers": [str(n)]})
        + "\n"
        for n in range(20)
    )
    films = "review,stars\n" + "".join(f"film number {n} is fine,{n % 2}\n" for n in range(30))
    return {
        name: owner.pages.post("/searches/new/", {"file": SimpleUploadedFile(name, text.encode())}).url
        for name, text in (("ships.jsonl", questions), ("films.csv", films))
    }


@pytest.fixture
def ended(search: Search) -> Search:
    """The search that runs as it would look with everything done."""
    trials = list(Trial.objects.filter(search=search).order_by("number"))
    made = Search.objects.get(pk=search.pk)
    made.pk, made.state, made._state.adding = None, "done", True
    made.pk = Search._meta.pk.get_default()
    made.ended_at = made.started_at
    made.save()
    for trial in trials:
        trial.pk, trial.search, trial._state.adding = Trial._meta.pk.get_default(), made, True
        if trial.state == "running":
            trial.state, trial.status, trial.score, trial.seconds = "done", "ok", 0.7, 12.0
            trial.lease_until, trial.finished_at = None, trial.started_at
        trial.save()
    return made


@pytest.fixture
def visits(
    rows: list[dict[str, Any]], search: Search, ended: Search, asked: Task, uploads: dict[str, str],
    owner: Person, people: dict[str, Any], lab: Any,
) -> dict[str, list[Visit]]:  # fmt: skip
    """Every page by the name of its address, in the states that look different."""
    return {
        **pages_of_experiences(rows, asked),
        **pages_of_searches(search, ended, asked, uploads),
        **pages_of_people(lab, people),
        "web:overview": [
            Visit("overview", "/"),
            Visit("overview-empty", "/", "newcomer"),
            Visit("missing", "/nothing-here/"),
        ],
        "web:docs": [Visit("docs", "/docs/")],
        "web:docs-resource": [
            Visit(f"docs-{name}", reverse("web:docs-resource", args=[name]))
            for name in api().resources
            if name
        ],
    }


def pages_of_experiences(rows: list[dict[str, Any]], asked: Task) -> dict[str, list[Visit]]:
    failed = next(row["id"] for row in rows if row["outcome"]["status"] == "oom")
    good = next(row["id"] for row in rows if row["outcome"]["status"] == "ok")
    some = "&".join(f"id={row['id']}" for row in rows[:3])
    every = "&".join(f"id={row['id']}" for row in rows[:8])
    task = Task.objects.get(descriptions__name="weather notes").digest
    columns = "columns=task,h.learning_rate,score,cause&order=-h.learning_rate&filter=score+>+0.5"
    model = LanguageModel.objects.first()
    assert model is not None
    return {
        "experiences:index": [
            Visit("experiences", "/experiences/"),
            Visit("experiences-filtered", "/experiences/?status=failed&method=full"),
            Visit("experiences-columns", f"/experiences/?{columns}"),
            Visit("experiences-none", "/experiences/?filter=score+>+2"),
            Visit("experiences-empty", "/experiences/", "newcomer"),
        ],
        "experiences:compare": [
            Visit("compare", f"/experiences/compare/?{some}"),
            Visit("compare-8", f"/experiences/compare/?{every}"),
        ],
        "experiences:scatter": [Visit("scatter", "/experiences/scatter/?x=h.learning_rate&y=score")],
        "experiences:detail": [
            Visit("experience", f"/experiences/{good}/"),
            Visit("experience-failed", f"/experiences/{failed}/"),
        ],
        "experiences:publish": [Visit("publish", f"/experiences/{good}/publish/")],
        "experiences:publish-selected": [Visit("publish-selected", f"/experiences/publish/?{some}")],
        "experiences:delete": [Visit("delete", f"/experiences/{good}/delete/")],
        "experiences:withdraw": [Visit("withdraw", f"/experiences/{good}/withdraw/")],
        "experiences:tasks": [
            Visit("tasks", "/experiences/tasks/"),
            Visit("tasks-empty", "/experiences/tasks/", "newcomer"),
        ],
        "experiences:task": [
            Visit("task", f"/experiences/tasks/{task}/"),
            Visit("task-of-questions", f"/experiences/tasks/{asked.digest}/"),
        ],
        "experiences:task-map": [
            Visit("task-map", "/experiences/task-map/"),
            Visit("task-map-of-questions", "/experiences/task-map/?kind=question-answering"),
            Visit("task-map-empty", "/experiences/task-map/", "newcomer"),
        ],
        "experiences:language-models": [
            Visit("language-models", "/experiences/language-models/"),
            Visit("language-models-empty", "/experiences/language-models/", "newcomer"),
        ],
        "experiences:language-model": [Visit("language-model", f"/experiences/language-models/{model.pk}/")],
    }


def pages_of_searches(
    search: Search, ended: Search, asked: Task, uploads: dict[str, str]
) -> dict[str, list[Visit]]:
    questions = Dataset.objects.create(
        owner=search.owner, team=search.team, source="upload", kind="question-answering", name="ships.jsonl",
        state="ready", fingerprint="rows-sha256:" + "9" * 64, files={"train": "b" * 64 + ".jsonl"},
    )  # fmt: skip
    task = Task.objects.get(descriptions__name="weather notes").digest
    return {
        "searches:index": [
            Visit("searches", "/searches/"),
            Visit("searches-empty", "/searches/", "newcomer"),
        ],
        "searches:detail": [
            Visit("search", f"/searches/{search.pk}/"),
            Visit("search-ended", f"/searches/{ended.pk}/"),
        ],
        "searches:delete": [
            Visit("search-delete", f"/searches/{ended.pk}/delete/"),
            Visit("search-delete-running", f"/searches/{search.pk}/delete/"),
        ],
        "searches:delete-dataset": [
            Visit("dataset-delete", f"/searches/datasets/{questions.pk}/delete/"),
            Visit("dataset-delete-in-use", f"/searches/datasets/{search.dataset_id}/delete/"),
        ],
        "searches:trial": [
            Visit("trial", f"/searches/{search.pk}/trials/1/"),
            Visit("trial-running", f"/searches/{search.pk}/trials/8/"),
            Visit("trial-audit", f"/searches/{search.pk}/trials/5/"),
            Visit("trial-skipped", f"/searches/{search.pk}/trials/9/"),
        ],
        "searches:new": [
            Visit("new-search", "/searches/new/"),
            Visit("new-search-wrong", "/searches/new/", written={"#hub": "no name"}, pressed="Fetch it"),
        ],
        "searches:columns": [
            Visit("columns", uploads["films.csv"]),
            Visit("columns-of-questions", uploads["ships.jsonl"]),
        ],
        "searches:set-up": [
            Visit("set-up", f"/searches/new/{search.dataset_id}/"),
            Visit("set-up-wrong", f"/searches/new/{search.dataset_id}/?trials=0&estimate=1"),
            Visit("set-up-of-questions", f"/searches/new/{questions.pk}/"),
        ],
        "searches:prior": [
            Visit("prior", f"/searches/prior/?task={task}"),
            Visit("prior-of-questions", f"/searches/prior/?task={asked.digest}"),
            Visit("prior-empty", "/searches/prior/", "newcomer"),
        ],
    }


def pages_of_people(lab: Any, people: dict[str, Any]) -> dict[str, list[Visit]]:
    open_invitation = accounts.invite(lab, actor=people["operator"].user)
    reset = accounts.create_reset_link(people["newcomer"].user, actor=people["operator"].user)
    login = accounts.create_login_link(people["newcomer"].user)
    return {
        "accounts:index": [
            Visit("account", "/accounts/"),
            Visit("account-operator", "/accounts/", "operator"),
        ],
        "accounts:create-token": [
            Visit("token-made", "/accounts/", written={"#t-name": "laptop"}, pressed="Make token")
        ],
        "accounts:team": [
            Visit("team", f"/accounts/teams/{lab.slug}/", "operator"),
            Visit("team-member", f"/accounts/teams/{people['owner'].team.slug}/"),
        ],
        "accounts:audit": [
            Visit("audit", "/accounts/audit/", "operator"),
            Visit("audit-none", "/accounts/audit/?since=2000-01-01&until=2000-01-02"),
        ],
        "accounts:people": [Visit("people", "/accounts/people/", "operator")],
        "accounts:reset-link": [
            Visit("people-link", "/accounts/people/", "operator", pressed="Make a reset link for olga")
        ],
        "accounts:sign-in": [
            Visit("sign-in", "/accounts/sign-in/", "nobody"),
            Visit("sign-in-wrong", "/accounts/sign-in/", "nobody",
                  written={"#username": "olga", "#password": "wrong"}, pressed="Sign in"),
        ],
        "accounts:login-link": [
            Visit("login-link", login, "nobody"),
            Visit("login-link-over", "/accounts/login/never-was/", "nobody", pressed="Sign in"),
        ],
        "accounts:forgot": [Visit("forgot", "/accounts/forgot/", "nobody")],
        "accounts:reset": [
            Visit("reset", reset, "nobody"),
            Visit("reset-over", "/accounts/reset/never-was/", "nobody"),
        ],
        "accounts:invitation": [
            Visit("invitation", open_invitation, "nobody"),
            Visit("invitation-signed-in", open_invitation),
            Visit("invitation-over", "/accounts/invitations/never-was/", "nobody"),
        ],
    }  # fmt: skip


@pytest.fixture
def tabs(browser: Any, live_server: Any, people: dict[str, Any], complaints: list[str]) -> Iterator[Any]:
    """A page by who is signed in."""
    made, contexts = {}, []
    for name, person in people.items():
        context = browser.new_context(base_url=live_server.url)
        contexts.append(context)
        if person is not None:
            value = person.pages.cookies["tunelore_session"].value
            context.add_cookies([{"name": "tunelore_session", "value": value, "url": live_server.url}])
        made[name] = context.new_page()
        listen(made[name], complaints)
    yield made
    for context in contexts:
        context.close()


def test_every_page_is_visited_or_said_to_be_none(visits: dict[str, list[Visit]]) -> None:
    names = {name for name, _ in PAGES}
    assert sorted(names - visits.keys() - NO_PAGE.keys()) == [], (
        "visit these pages, or say in NO_PAGE why not"
    )
    assert sorted((visits.keys() | NO_PAGE.keys()) - names) == [], "these are gone"
    assert sorted(visits.keys() & NO_PAGE.keys()) == []
    elsewhere = {
        one.picture: one.address
        for name, some in visits.items()
        for one in some
        if not one.pressed and one.picture != "missing" and name_of(one.address) != name
    }
    assert elsewhere == {}
    pictures = [one.picture for some in visits.values() for one in some]
    assert len(pictures) == len(set(pictures))


def name_of(address: str) -> str:
    return resolve(address.partition("?")[0]).view_name


def test_what_is_said_to_be_no_page_is_none(search: Search, owner: Person) -> None:
    """A form's address answers a GET with 405; a part or a machine's answer has no frame."""
    given = {
        "slug": search.team.slug, "pk": 1, "search_id": search.pk, "dataset_id": search.dataset_id,
    }  # fmt: skip
    shown = {}
    for name in NO_PAGE:
        route = next(route for one, route in PAGES if one == name)
        wanted = {key: value for key, value in given.items() if f":{key}>" in route}
        answer = owner.pages.get(reverse(name, kwargs=wanted))
        if answer.status_code != 405 and b"<main" in answer.content:
            shown[name] = answer.status_code
    assert shown == {}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("width", [400, 1024, 1600])
def test_every_page_fits_reads_and_says_nothing_to_the_console(tabs, visits, complaints, width):
    from axe_playwright_python.sync_playwright import Axe

    assert Experience.objects.count() == 65
    SCREENS.mkdir(parents=True, exist_ok=True)
    found: dict[str, object] = {}
    for tab in tabs.values():
        tab.set_viewport_size({"width": width, "height": 900})
    for name, visit in [(name, one) for name, some in visits.items() for one in some]:
        tab = tabs[visit.who]
        arrive(tab, visit)
        if visit.picture != "missing" and name_of(tab.url.removeprefix(tab_base(tab))) != name:
            found[f"{visit.picture} is elsewhere"] = tab.url
        for theme in ("light", "dark"):
            tab.emulate_media(color_scheme=theme)
            tab.screenshot(path=SCREENS / f"{visit.picture}-{width}-{theme}.png", full_page=True)
            if tab.evaluate(SIDEWAYS) > 0:
                found[f"{visit.picture} scrolls sideways, {theme}"] = tab.evaluate(SIDEWAYS)
            for violation in Axe().run(tab).response["violations"]:
                if violation["impact"] in ("serious", "critical"):
                    nodes = [node["html"][:120] for node in violation["nodes"][:3]]
                    found[f"{visit.picture} {violation['id']}, {theme}"] = nodes
        tab.evaluate(UNFOLD)
        if tab.evaluate(SIDEWAYS) > 0:
            found[f"{visit.picture} scrolls sideways when unfolded"] = tab.evaluate(SIDEWAYS)
    assert found == {}
    # The browser itself notes an answer that is an error (404, 410, 422); nothing else may be said.
    assert [text for text in complaints if "status of 4" not in text] == []


def arrive(tab: Any, visit: Visit) -> None:
    """At the page, or at the answer to its form."""
    tab.goto(visit.address)
    if not visit.pressed:
        return
    tab.evaluate(UNFOLD)
    for place, text in visit.written.items():
        tab.locator(place).fill(text)
    with tab.expect_navigation():
        tab.get_by_role("button", name=visit.pressed, exact=True).click()


def tab_base(tab: Any) -> str:
    return str(tab.evaluate("location.origin"))
