"""Every address of the hub x every kind of visitor: nobody meets a private object, by name or by number.

Addresses are read from the URL configuration. Each has to be entered in `ENTRIES` by its name, and each of its
parameters in `objects`; a new one without an entry fails the test, so that a page cannot be forgotten.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pytest
from django.apps import apps
from django.test import Client

from knowledgebase.accounts import services as accounts
from knowledgebase.accounts.models import AuditEntry, Invitation, Membership, Team
from knowledgebase.experiences.models import Experience, LanguageModel, System, Task, TaskDescription
from knowledgebase.experiences.services import note_run, publication_of, record_experiences
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.pages.new_columns import columns_address
from tests.routes import PARAMETER, ROUTES

pytestmark = pytest.mark.django_db
SECRET = "quagga"  # stands in every name that only the team may see

# What an address is. open: everybody; own: each signed-in person, about what they may see; team: the objects of a
# team, for those who are in it; owners: for its owners; person: one person's alone; operator: for the operator, and
# nothing of any team; link: for whoever holds the secret.
ENTRIES = {
    "api:about": "open",
    "accounts:audit": "own",
    "accounts:change-role": "team",
    "accounts:create-team": "own",
    "accounts:create-token": "own",
    "accounts:forgot": "open",
    "accounts:index": "own",
    "accounts:invitation": "link",
    "accounts:invite": "team",
    "accounts:login-link": "link",
    "accounts:people": "operator",
    "accounts:remove-member": "team",
    "accounts:reset": "link",
    "accounts:reset-link": "operator",
    "accounts:revoke-token": "own",
    "accounts:set-email": "own",
    "accounts:set-password": "own",
    "accounts:sign-in": "open",
    "accounts:sign-out": "own",
    "accounts:team": "team",
    "accounts:withdraw": "team",
    "api:dataset-detail": "team",
    "api:dataset-list": "own",
    "api:experience-detail": "team",
    "api:experience-export": "own",
    "api:experience-list": "own",
    "api:experience-publication": "owners",
    "api:language-model-detail": "team",
    "api:neighbours": "own",
    "api:priors": "own",
    "api:system-detail": "team",
    "api:system-list": "own",
    "api:task-leaderboard": "team",
    "api:token-detail": "person",
    "api:token-list": "own",
    "api:language-model-list": "own",
    "api:run-list": "own",
    "api:schema": "open",
    "api:search-cancel": "team",
    "api:search-detail": "team",
    "api:search-list": "own",
    "api:search-prior": "team",
    "api:search-script": "team",
    "api:search-trials": "team",
    "api:stats": "own",
    "api:task-detail": "team",
    "api:task-list": "own",
    "experiences:compare": "own",
    "experiences:delete": "owners",
    "experiences:detail": "team",
    "experiences:index": "own",
    "experiences:language-model": "team",
    "experiences:language-models": "own",
    "experiences:publish": "owners",
    "experiences:publish-selected": "own",
    "experiences:scatter": "own",
    "experiences:task": "team",
    "experiences:task-map": "own",
    "experiences:tasks": "own",
    "experiences:withdraw": "owners",
    "searches:cancel": "team",
    "searches:delete": "team",
    "searches:delete-dataset": "team",
    "searches:columns": "own",
    "searches:detail": "team",
    "searches:estimate": "team",
    "searches:index": "own",
    "searches:live": "team",
    "searches:new": "own",
    "searches:prior": "own",
    "searches:set-up": "team",
    "searches:trial": "team",
    "web:docs": "own",
    "web:docs-resource": "own",
    "web:live": "open",
    "web:metrics": "open",
    "web:overview": "own",
    "web:ready": "open",
    "web:theme": "open",
}
# Pages that a viewer of the team is told to be no page of theirs.
READ_ONLY = ("searches:delete", "searches:delete-dataset", "searches:set-up")
HIDDEN = (302, 401, 403, 404, 405)


@pytest.fixture
def lab(owner, make_person):
    """A team with an owner, a member and a viewer; its name says that nobody else may know it."""
    team = accounts.create_team(f"{SECRET} lab", owner=owner.user)
    for name, role in (("mia", "member"), ("vera", "viewer")):
        accounts.add_member(team, make_person(name).user, actor=owner.user, role=role)
    return team


@pytest.fixture
def objects(owner, lab, record):
    """One of everything, private to the lab, by the name of the parameter that leads to it."""
    made = record(
        task={
            "kind": "text-classification", "name": f"{SECRET}-task",
            "dataset": {"source": "file", "name": SECRET, "label_column": "l"},
        },
        language_model={"source": "path", "name": f"{SECRET}-model", "revision": "1"},
    )  # fmt: skip
    [result] = record_experiences([made], owner=owner.user, team=lab)
    assert result.problem is None
    running = {
        key: part for key, part in record().items() if key not in ("outcome", "metrics", "primary", "cost")
    }
    note_run({**running, "task": made["task"]}, owner=owner.user, team=lab)
    dataset = Dataset.objects.create(
        owner=owner.user, team=lab, source="upload", name=f"{SECRET}.csv", state="ready",
        fingerprint="rows-sha256:" + "1" * 64, files={"train": "a" * 64 + ".csv"},
    )  # fmt: skip
    search = Search.objects.create(
        owner=owner.user, team=lab, dataset=dataset, title=f"{SECRET} search", objectives=["score"],
        budget_trials=2, state="running", slots=1, wall_s=60,
    )  # fmt: skip
    trial = Trial.objects.create(search=search, number=1, method="linear", state="queued")
    token, _ = accounts.create_token(owner.user, f"{SECRET} token", ["experiences:read"], team=lab)
    accounts.invite(lab, actor=owner.user)
    return {
        "experience_id": made["id"],
        "digest": Task.objects.get().digest,
        "pk": LanguageModel.objects.get().pk,
        "system_digest": System.objects.get().digest,
        "token_id": token.pk,
        "dataset_id": dataset.pk,
        "search_id": search.pk,
        "trial_id": trial.pk,
        "number": trial.number,
        "slug": lab.slug,
        "user_id": owner.user.pk,
        "secret": "x" * 43,  # of a link: who holds one is let in, which is another test's subject
        "token": token.prefix,
        "resource": "experiences",
    }


@pytest.fixture
def visitors(lab, stranger, make_person, owner) -> dict[str, Client]:
    staff = make_person("otto")
    staff.user.is_staff = staff.user.is_superuser = True
    staff.user.save()
    clients = {
        "anonymous": Client(),
        "stranger": stranger.pages,
        "stranger's token": stranger.api,
        "narrow token": make_person("nora", scopes="experiences:write").api,
        "staff": staff.pages,
        "owner": owner.pages,
    }
    for member in Membership.objects.filter(team=lab).exclude(user=owner.user).select_related("user"):
        clients[member.role] = Client()
        clients[member.role].force_login(member.user)
    return clients


def filled(route: str, objects: dict[str, Any]) -> str:
    missing = [name for name in PARAMETER.findall(route) if name not in objects]
    assert not missing, f"{route}: say in `objects` what {missing[0]} leads to"
    return "/" + PARAMETER.sub(lambda match: str(objects[match[1]]), route)


def marks(objects: dict[str, Any], address: str) -> list[str]:
    """What may not be told: names, and numbers that the visitor did not bring along in the address."""
    ids = [
        str(objects[name])
        for name in (
            "experience_id",
            "digest",
            "dataset_id",
            "search_id",
            "trial_id",
            "token",
            "system_digest",
        )
    ]
    return [SECRET] * (SECRET not in address) + [one for one in ids if one not in address]


def said(answer: Any) -> str:
    """The text of an answer; a stream is read once and kept."""
    if answer.streaming:
        parts = list(answer.streaming_content)
        answer.streaming_content = parts
        return b"".join(parts).decode()
    return answer.content.decode()


def told(answer: Any, objects: dict[str, Any], address: str) -> list[str]:
    text = said(answer) + " ".join(str(value) for value in answer.headers.values())
    return [mark for mark in marks(objects, address) if mark in text]


def sent(method: str, address: str) -> dict[str, Any]:
    """A body that is well formed, so that nothing is refused for its form alone."""
    if method == "get" or not address.startswith("/api/"):
        return {}
    shown = "" if method == "patch" else ', "shown": "sha256:0"'
    return {"data": f'{{"visibility": "public"{shown}}}', "content_type": "application/json"}


def test_every_address_has_an_entry():
    names = {name for name, _ in ROUTES}
    assert sorted(names - ENTRIES.keys()) == [], "say in ENTRIES what these addresses are"
    assert sorted(ENTRIES.keys() - names) == [], "these are gone"


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("who", ["anonymous", "stranger", "stranger's token", "narrow token", "staff"])
def test_nobody_else_meets_a_teams_objects(method, who, objects, visitors):
    found = {}
    for name, route in ROUTES:
        if name == "accounts:sign-out":
            continue  # the visitor is needed for the rest
        address, kind = filled(route, objects), ENTRIES[name]
        answer = getattr(visitors[who], method)(address, **sent(method, address))
        hidden = answer.status_code in HIDDEN
        must_hide = kind in ("team", "owners", "person") or (kind == "operator" and who != "staff")
        if who == "anonymous" and kind not in ("open", "link"):
            must_hide = True
        if (must_hide and not hidden) or answer.status_code >= 500 or told(answer, objects, address):
            found[f"{method} {address}"] = (answer.status_code, told(answer, objects, address))
    assert found == {}
    assert Experience.objects.filter(pk=objects["experience_id"]).exists()
    assert Search.objects.get(pk=objects["search_id"]).state == "running"
    assert Membership.objects.filter(team__slug=objects["slug"]).count() == 3
    assert Invitation.objects.filter(team__slug=objects["slug"]).count() == 1


def never_was(objects: dict[str, Any]) -> dict[str, Any]:
    """Parameters that lead to nothing, by the same names."""
    gone = dict(objects) | {
        name: "00000000-0000-4000-8000-000000000000"
        for name in ("experience_id", "dataset_id", "search_id", "trial_id")
    }
    gone |= {"digest": "sha256:" + "0" * 64, "slug": "never-was", "pk": 10**6, "token_id": 10**6}
    return gone | {"system_digest": gone["digest"], "user_id": 10**6}


def test_the_way_to_nothing_is_the_same_as_the_way_to_what_is_hidden(objects, visitors):
    """A team's page and one that never was differ in nothing but the address."""
    gone, differ = never_was(objects), {}
    for name, route in ROUTES:
        if ENTRIES[name] == "team" and PARAMETER.search(route):
            hidden = visitors["stranger"].get(filled(route, objects)).status_code
            absent = visitors["stranger"].get(filled(route, gone)).status_code
            if hidden != absent:
                differ[route] = (hidden, absent)
    assert differ == {}


@pytest.mark.parametrize("who", ["owner", "member", "viewer"])
def test_those_in_the_team_do_meet_them(who, objects, visitors):
    """The other half: the marks are there to be found, so that the test above can fail."""
    missed = []
    for name, route in ROUTES:
        address = filled(route, objects)
        if ENTRIES[name] != "team" or name in ("api:search-script",):
            continue
        answer = visitors[who].get(address)
        if answer.status_code not in (200, 405, *((403,) if name in READ_ONLY else ())):
            missed.append((address, answer.status_code))
    assert missed == []
    for address in ("/experiences/", "/searches/", "/accounts/"):
        assert told(visitors[who].get(address), objects, address), address


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("/searches/{search_id}/cancel/", {}),
        ("/searches/{search_id}/delete/", {"seen": "yes"}),
        ("/searches/datasets/{dataset_id}/delete/", {"seen": "yes"}),
        ("/searches/new/{dataset_id}/", {"trials": "2", "wall_s": "30", "memory_gib": "1", "slots": "1",
                                         "methods": ["linear"], "objectives": ["score"]}),
        ("/accounts/teams/{slug}/invite/", {"role": "owner"}),
        ("/accounts/teams/{slug}/withdraw/", {}),
        ("/accounts/teams/{slug}/role/", {"user": "vera", "role": "owner"}),
        ("/accounts/teams/{slug}/remove/", {"user": "olga"}),
    ],
)  # fmt: skip
def test_a_viewer_changes_nothing(address, form, objects, visitors):
    visitors["viewer"].post(address.format(**objects), form)
    assert Search.objects.count() == 1
    assert Search.objects.get().state == "running"
    assert Invitation.objects.count() == 1
    roles = Membership.objects.filter(team__slug=objects["slug"]).values_list("user__username", "role")
    assert dict(roles) == {"olga": "owner", "mia": "member", "vera": "viewer"}


def test_the_log_of_a_team_is_its_owners(objects, visitors):
    said = {
        who: SECRET in client.get("/accounts/audit/").content.decode() for who, client in visitors.items()
    }
    assert {who for who, yes in said.items() if yes} == {"owner"}
    assert AuditEntry.objects.filter(team=Team.objects.get(slug=objects["slug"])).count() >= 3


def test_a_team_mate_learns_nothing_of_the_owners_other_teams(owner, mate, lab, objects, record):
    """A prior is made of what its owner may see; the rest of the search's team may see less."""
    shared = Search.objects.create(
        owner=owner.user, team=owner.team, title="shared", objectives=["score"], budget_trials=2, slots=1,
        dataset=Dataset.objects.create(owner=owner.user, team=owner.team, source="builtin", name="open"),
        prior_ids=[objects["experience_id"]],
        prior_summary={
            "neighbours": [{"task": objects["digest"], "distance": 1.0, "parts": {}}],
            "distributions": {"method": {"full": 0.6, "linear": 0.4}},
            "uniform": {"method": {"full": 0.5, "linear": 0.5}},
        },
    )  # fmt: skip
    for address in (f"/searches/{shared.pk}/", f"/searches/{shared.pk}/live/"):
        assert SECRET in owner.pages.get(address).content.decode()
        assert told(mate.pages.get(address), objects, address) == []
    prior = f"/api/v1/searches/{shared.pk}/prior/"
    assert told(mate.api.get(prior), objects, prior) == []
    assert objects["experience_id"] in owner.api.get(prior).content.decode()


# --- Private ids in queries and forms ---------------------------------------------------------------------

# Addresses that take ids in the query. Who is in the team meets the object there ("met"), or a refusal ("not").
QUERIES = {
    "/experiences/compare/?id={experience_id}&id={other_id}": "met",
    "/experiences/scatter/?id={experience_id}": "met",
    "/experiences/scatter/?task={digest}": "met",
    "/experiences/publish/?id={experience_id}": "met",
    "/experiences/publish/?id={experience_id}&visibility=hub": "met",
    "/experiences/?task={digest}": "met",
    "/experiences/?team={slug}": "met",
    "/experiences/?q={digest}": "not",
    "/experiences/?filter=task = '{digest}'": "not",
    "/searches/prior/?task={other_digest}": "met",
    "/searches/prior/?task={other_digest}&own=count": "met",
    "/searches/new/?dataset={dataset_id}": "met",
    "/searches/new/columns/?upload={upload}": "met",
    "/accounts/audit/?team={slug}": "met",
    "/accounts/sign-in/?next=/searches/{search_id}/": "not",
    "/api/v1/experiences/?task={digest}": "met",
    "/api/v1/experiences/?team={slug}": "met",
    "/api/v1/experiences/export/?task={digest}": "met",
    "/api/v1/experiences/export/?team={slug}&as=csv": "met",
    "/api/v1/experiences/{experience_id}/publication/?visibility=hub": "met",
    "/api/v1/tasks/{digest}/leaderboard/?metric=f1_macro&split=validation": "met",
    "/api/v1/searches/{search_id}/script/?trial={number}": "met",
}
SEARCH_FORM = {
    "trials": "2", "wall_s": "30", "memory_gib": "1", "slots": "1", "methods": "linear", "objectives": "score",
}  # fmt: skip
PUBLISH_FORM = {"id": "{experience_id}", "seen": "yes", "shown-{experience_id}": "{shown}"}
# Forms as who is in the team would send them, and documents of the API (a text each).
FORMS: list[tuple[str, dict[str, str] | str]] = [
    ("/experiences/publish/", {**PUBLISH_FORM, "visibility": "public"}),
    ("/experiences/{experience_id}/publish/", {**PUBLISH_FORM, "visibility": "hub"}),
    ("/experiences/{experience_id}/withdraw/", {"seen": "yes", "visibility": "private"}),
    ("/experiences/{experience_id}/delete/", {"seen": "yes", "reason": "by mistake"}),
    ("/searches/new/", {"builtin": "library", "team": "{slug}"}),
    ("/searches/new/columns/", {"upload": "{upload}", "text_columns": "text", "label_column": "label"}),
    ("/searches/new/{dataset_id}/", SEARCH_FORM),
    ("/searches/{search_id}/cancel/", {"sure": "yes"}),
    ("/searches/{search_id}/delete/", {"seen": "yes", "experiences": "delete"}),
    ("/searches/datasets/{dataset_id}/delete/", {"seen": "yes"}),
    ("/accounts/tokens/", {"name": "mine", "team": "{slug}", "scopes": "experiences:read"}),
    ("/accounts/tokens/{token_id}/revoke/", {"sure": "yes"}),
    ("/accounts/teams/{slug}/invite/", {"role": "owner"}),
    ("/accounts/teams/{slug}/withdraw/", {"sure": "yes"}),
    ("/accounts/teams/{slug}/role/", {"user": "vera", "role": "owner"}),
    ("/accounts/teams/{slug}/remove/", {"user": "vera"}),
    ("/api/v1/neighbours/", '{"task": "{other_digest}"}'),
    ("/api/v1/priors/", '{"task": "{other_digest}", "leave_out": false}'),
    ("/api/v1/searches/", '{"dataset": "{dataset_id}", "budget": {"trials": 2}}'),
    ("/api/v1/tokens/", '{"name": "mine", "team": "{slug}", "scopes": ["experiences:read"]}'),
    ("/api/v1/experiences/{experience_id}/publication/", '{"visibility": "public", "shown": "{shown}"}'),
    ("/api/v1/searches/{search_id}/cancel/", "{}"),
]
OUTSIDE = ["anonymous", "stranger", "stranger's token", "narrow token", "staff"]
CHANGING = re.compile(
    r'name="csrfmiddlewaretoken" value="\w+"|"request_id": ?"[^"]*"|<code>[0-9a-f-]{36}</code>'
)


@pytest.fixture
def private(objects, owner, lab, record):
    """`objects`, two tasks that compare, and what the team's own pages hold: `shown`, and the `upload`'s token."""
    made = [record(), record()]
    for number, one in enumerate(made):
        one["task"]["name"] = f"{SECRET}-{number}"
        one["task"]["dataset"] |= {"name": SECRET, "fingerprint": "rows-sha256:" + f"{number}c" * 32}
        one["task"]["metafeatures"]["values"]["instances"] += 100 * number
    assert not any(one.problem for one in record_experiences(made, owner=owner.user, team=lab))
    address = columns_address({"train": "a" * 64 + ".csv"}, f"{SECRET}.csv", lab, owner.user)
    return {
        **objects,
        "other_id": made[0]["id"],
        "other_digest": TaskDescription.objects.get(name=f"{SECRET}-0").task.digest,
        "upload": parse_qs(urlsplit(address).query)["upload"][0],
        "shown": publication_of(UUID(objects["experience_id"]), "public", actor=owner.user).shown,
    }


NOWHERE = {
    "other_id": "00000000-0000-4000-8000-000000000001", "other_digest": "sha256:" + "0" * 63 + "1",
    "upload": "never:was", "shown": "sha256:" + "0" * 64,
}  # fmt: skip
BROUGHT = (
    "upload",
    "experience_id",
    "other_id",
    "dataset_id",
    "search_id",
    "digest",
    "other_digest",
    "slug",
    "shown",
)


def put_in(text: str, objects: dict[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: str(objects[match[1]]), text)


def asked(client: Client, address: str, form: dict[str, str] | str | None, objects: dict[str, Any]) -> Any:
    """The answer with what it leads to, and everything that the visitor brought along."""
    address = put_in(address, objects)
    if form is None:
        return client.get(address, follow=True), address
    if isinstance(form, str):
        return client.post(address, put_in(form, objects), "application/json"), address + put_in(
            form, objects
        )
    data = {put_in(name, objects): put_in(value, objects) for name, value in form.items()}
    return client.post(address, data, follow=True), address + json.dumps(data)


def rows() -> dict[str, list[Any]]:
    """Every row of the apps; a token's last use aside, which belongs to reading it."""
    models = [
        one
        for app in ("accounts", "experiences", "searches")
        for one in apps.get_app_config(app).get_models()
    ]
    return {
        model.__name__: sorted(
            repr({name: value for name, value in row.items() if name != "last_used_at"})
            for row in model._default_manager.values()
        )
        for model in models
    }


def plain(answer: Any, brought: dict[str, Any]) -> tuple[int, str]:
    """Status and text without what differs each time, and with one word for what the visitor brought along."""
    text = CHANGING.sub("", unquote(said(answer))).replace(f"tokens/{brought['token_id']}/", "…")
    for name in BROUGHT:
        text = text.replace(str(brought[name]), "…")
    return answer.status_code, text


@pytest.mark.parametrize("who", OUTSIDE)
def test_private_ids_in_queries_and_forms_lead_to_nothing(who, private, visitors):
    """Nothing is told, nothing changes, and the answer is the one to an id that never was."""
    gone = never_was(private) | NOWHERE
    before, found = rows(), {}
    for address, form in [*((one, None) for one in QUERIES), *FORMS]:
        client = visitors[who]
        answer, brought = asked(client, address, form, private)
        secrets = told(answer, private, brought)
        absent, _ = asked(client, address, form, gone)
        same = plain(answer, private) == plain(absent, gone)
        if answer.status_code >= 500 or secrets or not same or rows() != before:
            found[address] = (answer.status_code, absent.status_code, secrets)
            before = rows()
    assert found == {}


def test_the_team_meets_its_objects_by_those_queries(private, visitors):
    """The other half: what is looked for above is there to be found."""
    missed = []
    for address, kind in QUERIES.items():
        answer, brought = asked(visitors["owner"], address, None, private)
        if bool(told(answer, private, brought)) is not (kind == "met"):
            missed.append((address, answer.status_code))
    assert missed == []


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[0])
def test_the_team_changes_or_reads_by_those_forms(form, private, owner):
    before = rows()
    answer, brought = asked(owner.pages, *form, private)
    assert answer.status_code < 500
    assert rows() != before or told(answer, private, brought), (answer.status_code, answer.content[:300])
