"""Neighbours, leaderboards, systems, language models and priors: right, and blind to strangers' rows."""

from __future__ import annotations

import pytest

from knowledgebase.accounts.models import Membership
from knowledgebase.accounts.services import add_member
from knowledgebase.experiences.models import Experience, System, Task
from knowledgebase.experiences.selectors import task_summaries
from knowledgebase.experiences.services import (
    delete_experience,
    narrow_experience,
    publication_of,
    publish_experience,
    record_experiences,
)

pytestmark = pytest.mark.django_db
JSON = {"content_type": "application/json"}


def task(name, **values):
    measured = {"instances": 400, "classes": 3, "class_entropy": 1.5, "mean_length": 40.0} | values
    extractor = {"extractor": "tunelore.text-classification", "version": 1, "sampled": False}
    return {
        "kind": "text-classification", "name": name, "metafeatures": {**extractor, "values": measured},
        "dataset": {"source": "file", "name": name, "label_column": "label"},
    }  # fmt: skip


def store(person, *batch, **how):
    results = record_experiences(batch, owner=person.user, team=person.team, **how)
    assert {result.status for result in results} == {201}


def scored(record, value, seconds, metric="f1_macro", split="validation", **parts):
    primary = {"split": split, "metric": metric, "value": value}
    cost = {"evaluation_s": seconds} if seconds is not None else None
    return record(primary=primary, metrics={split: {metric: value}}, cost=cost, **parts)


def ask(person, address, body):
    return person.api.post(f"/api/v1/{address}/", body, **JSON)


@pytest.fixture
def tasks(owner, stranger, record):
    store(owner, *(record(task=task(f"t{n}", instances=400 * 2**n)) for n in range(4)))
    store(stranger, record(task=task("hidden", instances=401, secret_feature=3.0)))
    return {row.name: row for row in task_summaries(owner.user)}


def test_the_nearest_tasks_and_why(owner, tasks):
    found = ask(owner, "neighbours", {"task": tasks["t0"].digest, "k": 2}).json()
    assert [one["name"] for one in found["neighbours"]] == ["t1", "t2"]
    nearest = found["neighbours"][0]
    assert nearest["distance"] ** 2 == pytest.approx(sum(nearest["parts"].values()))
    assert max(nearest["parts"], key=nearest["parts"].get) == "instances"
    assert found["target"]["task"] == tasks["t0"].digest
    assert "secret_feature" not in str(found)


def test_what_is_only_described_has_neighbours_too(owner, stranger, tasks):
    values = {"instances": 1600, "classes": 3, "class_entropy": 1.5, "mean_length": None}
    named = [one["name"] for one in ask(owner, "neighbours", {"metafeatures": values}).json()["neighbours"]]
    assert named == ["t2", "t1", "t3", "t0"] or named == ["t2", "t3", "t1", "t0"]
    counts = {"a": 800, "b": 400, "c": 400}
    counted = ask(owner, "neighbours", {"statistics": {"class_counts": counts, "mean_length": 40}}).json()
    assert counted["neighbours"][0]["name"] == "t2"
    assert counted["target"]["metafeatures"]["instances"] == 1600
    assert counted["target"]["metafeatures"]["imbalance"] == 0.5
    assert [
        one["name"] for one in ask(stranger, "neighbours", {"metafeatures": values}).json()["neighbours"]
    ] == ["hidden"]


def test_scale_is_of_what_is_visible(owner, stranger, tasks, record):
    """A stranger's huge task would change every normalised distance, and so tell of itself."""
    before = ask(owner, "neighbours", {"task": tasks["t0"].digest}).json()
    store(stranger, record(task=task("huge", instances=10**9, classes=1000)))
    assert ask(owner, "neighbours", {"task": tasks["t0"].digest}).json() == before


def test_a_task_described_better_is_seen_at_once(owner, tasks, record):
    store(owner, record(task=task("t5")))
    first = ask(owner, "neighbours", {"task": tasks["t0"].digest, "k": 1}).json()["neighbours"][0]
    assert (first["name"], first["distance"]) == ("t5", 0)
    better = task("t5", instances=10**6)
    better["metafeatures"]["values"]["landmark"] = 0.5
    store(owner, record(task=better))
    again = ask(owner, "neighbours", {"task": tasks["t0"].digest, "k": 1}).json()["neighbours"][0]
    assert again["name"] == "t1"


def test_what_is_kept_of_a_store_goes_by_its_last_change(
    owner, stranger, tasks, record, django_assert_max_num_queries
):
    """Each way in which somebody comes to see more or less, asked for before and after in one process."""
    body = {"metafeatures": {"instances": 400.0, "classes": 3.0}}

    def named(person):
        return {one["name"] for one in ask(person, "neighbours", body).json()["neighbours"]}

    assert (named(owner), named(stranger)) == ({"t0", "t1", "t2", "t3"}, {"hidden"})
    with django_assert_max_num_queries(6):  # token, its use, state; nothing about tasks
        assert named(stranger) == {"hidden"}
    row = Experience.objects.get(task_description__name="t1")
    shown = publication_of(row.pk, "public", actor=owner.user).shown
    publish_experience(row.pk, "public", shown=shown, actor=owner.user)
    assert named(stranger) == {"hidden", "t1"}
    narrow_experience(row.pk, "team", actor=owner.user)
    assert named(stranger) == {"hidden"}
    add_member(owner.team, stranger.user, actor=owner.user)
    assert named(stranger) == {"t0", "t1", "t2", "t3", "hidden"}
    delete_experience(row.pk, actor=owner.user)
    assert named(stranger) == {"t0", "t2", "t3", "hidden"}
    Membership.objects.filter(team=owner.team, user=stranger.user).delete()
    assert named(stranger) == {"hidden"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid"),
        ({"metafeatures": {"a": 1}, "statistics": {"class_counts": {"a": 1}}}, 422, "invalid"),
        ({"task": "sha256:none"}, 404, "not_found"),
        ({"metafeatures": {"a": "x"}}, 400, "invalid"),
        ({"metafeatures": {"a": 1e308}}, 400, "invalid"),
        ({"metafeatures": {f"f{n}": 1 for n in range(201)}}, 422, "invalid"),
        ({"metafeatures": {"a": 1}, "k": 0}, 400, "invalid"),
        ({"statistics": {"class_counts": {}}}, 400, "invalid"),
        ({"statistics": {"class_counts": {"a": 0}}}, 400, "invalid"),
        ([], 400, "invalid"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("address", ["neighbours", "priors"])
def test_what_cannot_be_looked_around(owner, address, body, status, code):
    answer = ask(owner, address, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "non_field_errors" not in answer.content.decode()


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        ({"metafeatures": {"foo": 1}}, "no_common_features", ("'foo'", "class_entropy, classes, instances")),
        ({"metafeatures": {"instances": None}}, "no_common_features", ("none", "instances")),
        (
            {"metafeatures": {"instances": 4}, "extractor": "mine"},
            "no_common_features",
            ("'mine' version 1", "'tunelore.text-classification' version 1"),
        ),
        ({"metafeatures": {"instances": 4}, "version": 2}, "no_common_features", ("version 2", "version 1")),
        ({"statistics": {"class_counts": {"a": 1}}, "kind": "extractive-qa"}, "invalid", ("kind", "statistics")),
        ({"task": "sha256:0", "version": 1}, "invalid", ("version", "task has its own")),
    ],
)  # fmt: skip
def test_what_compares_with_nothing_is_said(owner, tasks, body, code, named):
    answer = ask(owner, "neighbours", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert all(word in answer.json()["detail"] for word in named)
    assert "secret_feature" not in answer.json()["detail"]


def test_a_prior_of_what_compares_with_nothing_is_none(owner, tasks):
    answer = ask(owner, "priors", {"metafeatures": {"foo": 1}})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_prior")
    said = "given are 'foo'; the tasks of this kind that you may see have class_entropy, classes, instances"
    assert said in answer.json()["detail"]
    assert ask(owner, "priors", {"metafeatures": {"instances": 4, "foo": 1}}).status_code == 200


@pytest.mark.parametrize("address", ["neighbours", "priors"])
def test_an_empty_store_has_no_neighbours_and_no_complaint(tasks, make_person, address):
    answer = ask(make_person("nina"), address, {"metafeatures": {"foo": 1}})
    assert (answer.status_code, answer.json()["neighbours"]) == (200, [])


def test_a_task_without_metafeatures_says_so(owner, record):
    bare = task("bare")
    del bare["metafeatures"]
    store(owner, record(task=bare))
    answer = ask(owner, "neighbours", {"task": Task.objects.get().digest})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_metafeatures")


def test_a_leaderboard_compares_one_metric_and_shows_its_front(owner, stranger, record, failed_record):
    here = {"task": task("board")}
    runs = [(0.9, 100), (0.8, 10), (0.85, 50), (0.7, 20), (0.6, 5), (0.95, None)]
    store(owner, *(scored(record, score, seconds, **here) for score, seconds in runs))
    store(owner, scored(record, 0.99, 1, metric="accuracy", **here), failed_record("oom", **here))
    store(stranger, scored(record, 0.999, 0.1, **here))
    address = f"/api/v1/tasks/{Task.objects.get().digest}/leaderboard/"
    board = owner.api.get(address, {"limit": 3}).json()
    assert (board["metric"], board["split"], board["compared"]) == ("f1_macro", "validation", 6)
    assert [(one["place"], one["score"]) for one in board["leaders"]] == [(1, 0.95), (2, 0.9), (3, 0.85)]
    assert [(one["seconds"], one["score"]) for one in board["front"]] == [
        (5, 0.6), (10, 0.8), (50, 0.85), (100, 0.9),
    ]  # fmt: skip
    assert [one["on_front"] for one in board["leaders"]] == [False, True, True]
    assert [(one["metric"], one["experiences"]) for one in board["used"]] == [
        ("f1_macro", 6),
        ("accuracy", 1),
    ]
    other = owner.api.get(address, {"metric": "accuracy"}).json()
    assert [one["score"] for one in other["leaders"]] == [0.99]
    assert owner.api.get(address, {"metric": "bleu"}).json()["leaders"] == []
    for limit in ("0", "101", "x", "²"):
        assert owner.api.get(address, {"limit": limit}).status_code == 422


def test_systems_and_language_models_one_by_one(owner, stranger, record):
    store(owner, record(), record(task=task("other")))
    [system] = owner.api.get("/api/v1/systems/").json()["results"]
    assert (system["experiences"], system["features"]) == (2, {"cpu_cores_logical": 2})
    one = f"/api/v1/systems/{system['digest']}/"
    assert owner.api.get(one).json() == system
    [model] = owner.api.get("/api/v1/language-models/").json()["results"]
    detail = owner.api.get(f"/api/v1/language-models/{model['id']}/").json()
    assert {row["name"] for row in detail["on_tasks"]} == {"weather", "other"}
    for address in (one, f"/api/v1/language-models/{model['id']}/"):
        assert stranger.api.get(address).status_code == 404
    assert System.objects.count() == 1


def test_a_prior_over_the_api_is_the_explorers(owner, stranger, record):
    near = task("near", instances=410)
    linear = {"method": "linear", "space": "tunelore/1", "hyperparameters": {"c": 1.0, "ngrams": "word"}}
    store(owner, *(scored(record, 0.9, 10, task=near) for _ in range(3)))
    store(
        owner, *(scored(record, 0.1, 99, task=near, pipeline=linear, language_model=None) for _ in range(3))
    )
    store(stranger, scored(record, 0.99, 1, task=task("theirs", instances=405)))
    body = {"metafeatures": {"instances": 400, "classes": 3, "class_entropy": 1.5, "mean_length": 40.0}}
    prior = ask(owner, "priors", body).json()
    assert [one["name"] for one in prior["neighbours"]] == ["near"]
    assert sum(prior["distributions"]["method"].values()) == pytest.approx(1)
    assert prior["distributions"]["method"]["full"] > prior["uniform"]["method"]["full"]
    assert prior["distributions"]["method"]["linear"] < prior["uniform"]["method"]["linear"]
    assert prior["experiences"] == len(prior["moved_by"]) == 2
    pushes = [abs(one["push"]) for one in prior["moved_by"]]
    assert pushes == sorted(pushes, reverse=True)
