"""What a reader is told of a task or language model comes from records they may see, and from no other.

The stranger owns a record of the very same rows and checkpoint as the owner's team, so both nouns are theirs to read.
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from knowledgebase.accounts.services import remove_member
from knowledgebase.experiences import selectors
from knowledgebase.experiences.management.commands.make_experiences import invented
from knowledgebase.experiences.models import (
    Experience,
    LanguageModel,
    LanguageModelDescription,
    Task,
    TaskDescription,
)
from knowledgebase.experiences.services import (
    delete_experience,
    expire_silent_runs,
    narrow_experience,
    note_run,
    publication_of,
    publish_experience,
    record_experiences,
)
from knowledgebase.searches.models import Dataset, Search

pytestmark = pytest.mark.django_db
SECRET, NUMBER = "quagga", 4711.25
ROWS = "rows-sha256:" + "5e" * 32
WORDS = {"name": SECRET, "domain": f"{SECRET} hides", "languages": [f"x-{SECRET}"]}
FEATURES = {"parameters": 47_114_711, "architecture": f"{SECRET}net", f"{SECRET}_layers": 4711}
# Every part of a task or language model that a filter or an order can name.
ORACLES = (
    f"task = {SECRET}", f"task ~ {SECRET[:3]}", f'domain = "{SECRET} hides"', "domain is present",
    f"domain ~ {SECRET}", "meta.instances > 4000", f"meta.{SECRET} is present", f"meta.{SECRET} > 1",
    "parameters > 1", "parameters is present", f"architecture ~ {SECRET}", "architecture is present",
    f"lm.{SECRET}_layers = 4711", f"lm.{SECRET}_layers is present",
)  # fmt: skip
ORDERS = (
    "task",
    "domain",
    "parameters",
    "architecture",
    f"meta.{SECRET}",
    "meta.instances",
    f"lm.{SECRET}_layers",
)
JSON = {"content_type": "application/json"}


def measured(version=1, extractor="tunelore.text-classification", **values):
    return {"extractor": extractor, "version": version, "sampled": False, "values": values}


def told(record, words=None, features=None, metafeatures=None, **parts):
    """A record of the one task and the one language model, in these words."""
    task = {
        "kind": "text-classification",
        "dataset": {"source": "unknown", "fingerprint": ROWS, "label_column": "label"},
        **(words or {}),
    }
    if words and "name" in words:
        task["dataset"]["name"] = words["name"]
    if metafeatures:
        task["metafeatures"] = metafeatures
    model = {"source": "path", "name": "same", "revision": "1", "features": features or {}}
    return record(task=task, language_model=model, **parts)


def store(person, *batch, **how):
    results = record_experiences(list(batch), owner=person.user, team=person.team, **how)
    assert [one.problem for one in results] == [None] * len(batch)
    return [one.row for one in results]


@pytest.fixture
def secret(owner, record):
    made = told(record, WORDS, FEATURES, measured(999, instances=4711.0, classes=3, **{SECRET: NUMBER}))
    return store(owner, made)[0]


@pytest.fixture
def plain(stranger, record):
    return store(stranger, told(record, metafeatures=measured(instances=400.0, classes=3)))[0]


def task_of(person):
    [task] = selectors.task_summaries(person.user)
    return task


def model_of(person):
    [model] = selectors.language_model_summaries(person.user)
    return model


def reads(digest, model, ids):
    """Every address that tells of tasks or language models, as (how, address, body)."""
    fields = f"id,task,domain,parameters,architecture,meta.instances,meta.{SECRET},lm.{SECRET}_layers"
    gets = [
        "/", "/experiences/", f"/experiences/?{urlencode({'columns': fields[3:]})}", "/experiences/tasks/",
        f"/experiences/tasks/{digest}/", "/experiences/task-map/", "/experiences/language-models/",
        f"/experiences/language-models/{model}/", f"/experiences/{ids[0]}/", f"/searches/prior/?task={digest}",
        "/experiences/compare/?" + "&".join(f"id={one}" for one in ids),
        f"/experiences/scatter/?x=parameters&y=meta.{SECRET}", f"/experiences/?q={SECRET}",
        "/api/v1/tasks/", f"/api/v1/tasks/{digest}/", f"/api/v1/tasks/{digest}/leaderboard/",
        "/api/v1/language-models/", f"/api/v1/language-models/{model}/", "/api/v1/stats/",
        "/api/v1/experiences/", f"/api/v1/experiences/?fields={fields}", f"/api/v1/experiences/{ids[0]}/",
        "/api/v1/experiences/export/", f"/api/v1/experiences/export/?as=csv&fields={fields}",
        f"/api/v1/experiences/export/?fields={fields}",
    ]  # fmt: skip
    near = {"metafeatures": {"instances": 4000.0}}
    posts = {
        "/api/v1/neighbours/": [{"task": digest}, near, {**near, "version": 999}],
        "/api/v1/priors/": [{"task": digest, "leave_out": False}, near],
    }
    yield from (("GET", address, None) for address in gets)
    yield from (("POST", address, body) for address, bodies in posts.items() for body in bodies)


def answers(person, digest, model, ids):
    for how, address, body in reads(digest, model, ids):
        client = person.api if address.startswith("/api/") else person.pages
        answer = client.get(address) if how == "GET" else client.post(address, json.dumps(body), **JSON)
        assert answer.status_code in (200, 422), (address, answer.content[:300])
        text = b"".join(answer.streaming_content) if answer.streaming else answer.content
        yield address, text.decode(errors="replace")


def without_question(text, address):
    """An answer without the words of the question, which pages repeat in their headings and links."""
    if SECRET not in address:
        return text
    named = (f"{SECRET}_layers", f"{SECRET} layers", f"meta.{SECRET}", f"q={SECRET}", f'value="{SECRET}"')
    for echo in (*named, f"<b>{SECRET}</b>", f"meta {SECRET}", f"Meta {SECRET}", f": {SECRET}"):
        text = text.replace(echo, "")
    return text


def test_nothing_a_team_said_of_the_same_nouns_is_told_to_a_stranger(stranger, secret, plain):
    for address, whole in answers(
        stranger, Task.objects.get().digest, LanguageModel.objects.get().pk, [str(plain.pk)]
    ):
        text = without_question(whole, address)
        for one in (SECRET, "4711.", "4,711", "47114711"):
            assert one not in text, (address, one, text[max(0, text.find(one) - 300) :][:600])


def test_the_team_itself_is_told_all_of_it(owner, secret, plain):
    text = "".join(
        text for _, text in answers(owner, Task.objects.get().digest, model_of(owner).pk, [str(secret.pk)])
    )
    assert all(one in text for one in (SECRET, "4711.25", "47114711", f"x-{SECRET}", f"{SECRET} hides"))


@pytest.mark.parametrize("expression", ORACLES)
def test_no_filter_answers_otherwise_for_what_others_said(stranger, owner, secret, plain, expression):
    asked = {"filter": expression}
    assert stranger.api.get("/api/v1/experiences/", asked).json()["results"] == []
    negated = stranger.api.get("/api/v1/experiences/", {"filter": f"not ({expression})"}).json()["results"]
    assert [one["record"]["id"] for one in negated] == [str(plain.pk)]
    assert len(owner.api.get("/api/v1/experiences/", asked).json()["results"]) == 1
    for address in ("/experiences/", "/experiences/scatter/"):
        assert str(plain.pk) not in stranger.pages.get(address, asked).content.decode()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_no_order_follows_what_others_said(stranger, owner, record, secret, plain, sign, order):
    rows = [plain, *store(stranger, *(told(record, cost={"evaluation_s": n}) for n in range(3)))]
    before = [one["record"]["id"] for one in ordered(stranger, sign + order)]
    delete_experience(secret.pk, actor=owner.user)
    assert [one["record"]["id"] for one in ordered(stranger, sign + order)] == before
    assert set(before) == {str(row.pk) for row in rows}


def ordered(person, order):
    return person.api.get("/api/v1/experiences/", {"order": order}).json()["results"]


def test_the_names_that_filters_take_are_of_visible_words_too(stranger, owner, secret, plain):
    for asked in ({"task": SECRET}, {"q": SECRET}):
        assert stranger.api.get("/api/v1/experiences/", asked).json()["results"] == []
        assert len(owner.api.get("/api/v1/experiences/", asked).json()["results"]) == 1


def test_a_newer_version_of_a_stranger_changes_nothing_for_others(owner, stranger, secret, record):
    before, digest = task_of(owner).words, Task.objects.get().digest
    features = model_of(owner).words
    prior = owner.api.get(f"/api/v1/tasks/{digest}/").json()
    poison = told(
        record, {"name": "theirs", "domain": "theirs"}, {"parameters": 1, "more": 2},
        measured(10**6, instances=1.0, poison=1.0),
    )  # fmt: skip
    for visibility in ("private", "team", "hub", "public"):
        store(stranger, {**poison, "id": record()["id"]}, visibility=visibility)
        assert task_of(owner).words == before
        if visibility in ("private", "team"):
            assert model_of(owner).words == features
    assert owner.api.get(f"/api/v1/tasks/{digest}/").json()["metafeatures"] == prior["metafeatures"]
    assert {**model_of(owner).features, **FEATURES} == model_of(owner).features


def test_what_is_public_describes_for_everybody_who_has_nothing_of_their_own(
    owner, stranger, record, secret, plain
):
    assert (task_of(stranger).name, task_of(stranger).domain) == ("", "")
    publish(owner, secret, "hub")
    task, model = task_of(stranger), model_of(stranger)
    # Their own measurement stays, however new the other; a gap of theirs is filled.
    assert (task.name, task.domain, task.metafeatures["version"]) == (SECRET, f"{SECRET} hides", 1)
    assert (model.parameters, model.architecture) == (47_114_711, f"{SECRET}net")
    delete_experience(plain.pk, actor=stranger.user)
    assert task_of(stranger).metafeatures["version"] == 999


def publish(person, row, visibility):
    shown = publication_of(row.pk, visibility, actor=person.user).shown
    publish_experience(row.pk, visibility, shown=shown, actor=person.user)


def test_the_own_words_go_before_the_teams_and_those_before_the_hubs(owner, mate, stranger, record):
    for person, name, visibility in (
        (stranger, "hub's", "public"), (owner, "team's", "team"), (owner, "own", "private"),
    ):  # fmt: skip
        made = told(record, {"name": name}, {"layers": len(name)}, measured(instances=float(len(name))))
        record_experiences([made], owner=person.user, team=owner.team, visibility=visibility)
    for person, name in ((owner, "own"), (mate, "team's"), (stranger, "hub's")):
        task = task_of(person)
        assert (task.name, task.metafeatures["values"]) == (name, {"instances": float(len(name))})
        assert model_of(person).features["layers"] == len(name)


def test_narrowing_takes_the_words_away_and_publishing_again_brings_them(
    owner, mate, stranger, secret, plain
):
    publish(owner, secret, "public")
    assert task_of(stranger).domain == f"{SECRET} hides"
    narrow_experience(secret.pk, "private", actor=owner.user)
    assert (task_of(stranger).domain, task_of(owner).domain) == ("", f"{SECRET} hides")
    assert selectors.task_summaries(mate.user) == []
    assert set(TaskDescription.objects.values_list("audience", flat=True)) == {
        f"user:{owner.user.pk}",
        f"team:{stranger.team.pk}",
    }
    publish(owner, secret, "team")
    assert task_of(mate).domain == f"{SECRET} hides"
    assert LanguageModelDescription.objects.count() == 2


def test_deleting_takes_the_words_away_from_the_database(owner, secret, plain, record):
    same = store(owner, {**told(record, WORDS, FEATURES), "id": record()["id"]})[0]
    delete_experience(secret.pk, actor=owner.user)
    # The other one still calls it so, and has measured nothing.
    assert (task_of(owner).name, task_of(owner).metafeatures) == (SECRET, {})
    delete_experience(same.pk, actor=owner.user)
    assert (TaskDescription.objects.count(), LanguageModelDescription.objects.count()) == (1, 1)
    assert (Task.objects.count(), LanguageModel.objects.count()) == (1, 1)
    delete_experience(plain.pk, actor=plain.owner)
    for model in (TaskDescription, LanguageModelDescription, Task, LanguageModel):
        assert not model.objects.exists()


def test_one_wording_of_one_audience_is_one_row(owner, stranger, record):
    batch = [told(record, WORDS, FEATURES) for _ in range(5)]
    store(owner, *batch[:2])
    store(owner, *batch[2:3])
    store(stranger, *batch[3:], visibility="hub")
    assert (TaskDescription.objects.count(), LanguageModelDescription.objects.count()) == (2, 2)
    for row in Experience.objects.select_related("task_description", "language_model_description"):
        assert row.task_description.audience == row.language_model_description.audience == row.audience
        assert row.task_description.task_id == row.task_id


def test_who_left_a_team_keeps_their_own_words_and_sees_no_others(owner, mate, record):
    [mine] = record_experiences(
        [told(record, {"name": "mine"}, {"layers": 3}, measured(instances=3.0))],
        owner=mate.user,
        team=owner.team,
    )
    store(owner, told(record, WORDS, FEATURES, measured(999, instances=4711.0)))
    assert task_of(mate).metafeatures["version"] == 999
    remove_member(owner.team, mate.user, actor=mate.user)
    [task], [model] = selectors.task_summaries(mate.user), selectors.language_model_summaries(mate.user)
    assert (task.name, task.domain, task.metafeatures["version"]) == ("mine", "", 1)
    assert model.features == {"layers": 3}
    others = f"meta.instances > 4000 or lm.{SECRET}_layers is present or task ~ {SECRET}"
    for expression in ORACLES:
        asked = {"filter": f"({expression}) and ({others})"}
        assert str(mine.row.pk) not in mate.pages.get("/experiences/", asked).content.decode()
    seen = selectors.experience_list(mate.user).get(pk=mine.row.pk)
    assert seen.task_title == "mine"


def test_the_guess_about_a_silent_run_leaves_no_words_behind(owner, record, settings):
    settings.RUN_SILENCE_SECONDS = 0
    sent = told(record, {"name": "guessed"}, {"layers": 1})
    running = {
        key: part for key, part in sent.items() if key not in ("outcome", "metrics", "primary", "cost")
    }
    note_run(running, owner=owner.user, team=owner.team)
    assert expire_silent_runs() == 1
    assert task_of(owner).name == "guessed"
    final = told(record, {"name": "sent"}, {"layers": 2}, id=sent["id"])
    record_experiences([final], owner=owner.user, team=owner.team, visibility="hub")
    assert (task_of(owner).name, model_of(owner).features) == ("sent", {"layers": 2})
    assert [row.name for row in TaskDescription.objects.all()] == ["sent"]
    # The guess was the team's, and nobody has said that more may see what came for it.
    assert TaskDescription.objects.get().audience == f"team:{owner.team.pk}"


def test_readers_of_one_process_find_neighbours_by_their_own_words(owner, stranger, record):
    """The arrays are kept for all of them; which rows count, and on what scale, is each reader's own."""
    for person, sizes in ((owner, (100, 200, 4000)), (stranger, (4000, 200, 100))):
        for number, size in enumerate(sizes):
            made = told(
                record, {"name": f"{person.user.username} {number}"}, {}, measured(instances=float(size))
            )
            made["task"]["dataset"]["fingerprint"] = f"rows-sha256:{number:064x}"
            store(person, made)
    asked = {"task": Task.objects.order_by("pk").first().digest}
    for person in (owner, stranger, owner):
        found = person.api.post("/api/v1/neighbours/", json.dumps(asked), **JSON).json()["neighbours"]
        assert [one["name"] for one in found] == [f"{person.user.username} {number}" for number in (1, 2)]
        scale = [round(one["distance"] / found[1]["distance"], 2) for one in found]
        assert scale == ([0.19, 1.0] if person is owner else [0.81, 1.0])


def test_a_kept_prior_is_told_in_the_readers_own_words(owner, mate, stranger, record):
    [private] = store(owner, told(record, WORDS, FEATURES), visibility="private")
    dataset = Dataset.objects.create(owner=owner.user, team=owner.team, source="builtin", name="open")
    near = {"task": private.task.digest, "distance": 1.0, "parts": {"instances": 1.0}}
    search = Search.objects.create(
        owner=owner.user, team=owner.team, dataset=dataset, title="shared", objectives=["score"], budget_trials=2,
        prior_summary={"neighbours": [near]},
    )  # fmt: skip

    def neighbours(person):
        return person.api.get(f"/api/v1/searches/{search.pk}/prior/").json()["neighbours"]

    assert [one["name"] for one in neighbours(owner)] == [SECRET]
    assert neighbours(mate) == []
    store(stranger, told(record, {"name": "open"}), visibility="public")
    assert [one["name"] for one in neighbours(mate)] == ["open"]
    delete_experience(private.pk, actor=owner.user)
    assert [one["name"] for one in neighbours(owner)] == ["open"]


def test_lists_ask_as_often_for_many_as_for_few(owner, record):
    counts = []
    for number in (4, 60):
        record_experiences(
            list(invented(number, seed=number, on_tasks=number)), owner=owner.user, team=owner.team
        )
        asked = []
        for address in ("/api/v1/tasks/", "/api/v1/language-models/", "/experiences/tasks/", "/experiences/"):
            client = owner.api if address.startswith("/api/") else owner.pages
            client.get(address)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            asked.append(len(queries))
        counts.append(asked)
    assert counts[0] == counts[1]
