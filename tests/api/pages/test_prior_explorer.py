"""The prior explorer: what moved, by whom, and what it refuses."""

from __future__ import annotations

from uuid import UUID

import pytest

from automl.testing import World
from knowledgebase.accounts.services import remove_member
from knowledgebase.experiences.selectors import task_summaries
from knowledgebase.experiences.services import narrow_experience, record_experiences

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(owner, record):
    """Three invented tasks of one family, 12 runs each."""
    world, batch = World(), []
    for one in world.evidence(range(3), 12):
        status = {"status": one.status, "cause": one.cause, "phase": None if one.status == "ok" else "train"}
        values = {name: value for name, value in one.metafeatures.items() if value is not None}
        model = None
        if one.pipeline.language_model:
            source, _, rest = one.pipeline.language_model.partition(":")
            model = {"source": source, "name": rest.partition("@")[0], "revision": "1"}
        batch.append(
            record(
                task={
                    "kind": "text-classification", "name": one.task,
                    "dataset": {"source": "file", "name": one.task, "label_column": "label"},
                    "metafeatures": {"extractor": "x", "version": 1, "sampled": False, "values": values},
                },
                language_model=model,
                pipeline={"method": one.pipeline.method, "hyperparameters": dict(one.pipeline.hyperparameters)},
                outcome=status,
                primary={"split": "validation", "metric": "f1_macro", "value": one.score} if one.score else None,
                metrics={"validation": {"f1_macro": one.score}} if one.score else None,
                cost={"evaluation_s": one.seconds},
                limits={"wall_s": 40, "host_memory_bytes": 2**31},
            )
        )  # fmt: skip
    results = record_experiences(batch, owner=owner.user, team=owner.team)
    assert [one.problem for one in results] == [None] * 36
    return {task.name: task for task in task_summaries(owner.user)}


def test_what_is_withdrawn_or_deleted_moves_no_prior_any_more(owner, mate, store):
    """The explorer keeps what it has read; not a moment longer than it may be seen."""

    def movers(person):
        page = person.pages.get("/searches/prior/", {"task": store["task-0"].digest}).context["page"]
        return {key for key, _ in page.moved.weights} if page.moved else set()

    before = movers(mate)
    assert movers(mate) == before, "asked again, the same"
    gone, hidden = sorted(before)[:2]
    assert owner.api.delete(f"/api/v1/experiences/{gone}/").status_code == 204
    assert gone not in movers(mate)
    narrow_experience(UUID(hidden), "private", actor=owner.user)
    assert hidden not in movers(mate)
    assert hidden in movers(owner)
    remove_member(owner.team, mate.user, actor=mate.user)
    assert mate.pages.get("/searches/prior/", {"task": store["task-0"].digest}).status_code == 404


def test_a_prior_of_a_task_comes_from_the_others(owner, store):
    page = owner.pages.get("/searches/prior/", {"task": store["task-0"].digest, "wall_s": 40}).context["page"]
    assert {name for _, name, _ in page.moved.neighbours} == {"task-1", "task-2"}
    assert page.towards > 0
    assert page.away > 0
    for shares in page.moved.distributions.values():
        assert sum(shares.values()) == pytest.approx(1)
    assert {mover.experience.task_title for mover in page.movers} <= {"task-1", "task-2"}
    assert page.moved.distributions["method"] != page.moved.uniform["method"]
    own = owner.pages.get("/searches/prior/", {"task": store["task-0"].digest, "own": "count"}).context[
        "page"
    ]
    assert "task-0" in {name for _, name, _ in own.moved.neighbours}


@pytest.mark.parametrize(
    "text", ['{"instances": 340, "classes": 5}', "instances 340\nclasses: 5\n", "instances=340"]
)
def test_a_prior_from_pasted_statistics(owner, store, text):
    page = owner.pages.get("/searches/prior/", {"statistics": text}).context["page"]
    assert page.problem == ""
    assert len(page.moved.neighbours) == 3


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"statistics": "instances many"}, "which is no number"),
        ({"statistics": "[1]"}, "no object of names and numbers"),
        ({"statistics": "a 1", "neighbours": "0"}, "from 1 to 100"),
        ({"statistics": "a 1", "score_weight": "x"}, "from 0 to 1"),
        ({"statistics": "a 1", "utility": "magic"}, "magic"),
        ({"statistics": "a 1e999"}, ""),
    ],
)
def test_what_it_refuses(owner, store, asked, said):
    answer = owner.pages.get("/searches/prior/", asked)
    assert answer.status_code == 422
    assert said in answer.context["page"].problem


def test_nothing_known_and_nothing_asked(owner, stranger, client, store):
    assert "Settings" in owner.pages.get("/searches/prior/").content.decode()
    assert stranger.pages.get("/searches/prior/", {"task": store["task-0"].digest}).status_code == 404
    empty = stranger.pages.get("/searches/prior/", {"statistics": "instances 3"}).content.decode()
    assert "Nothing to learn from" in empty
    assert "task-1" not in empty
    assert client.get("/searches/prior/").status_code == 302


@pytest.fixture
def questions(owner, record):
    """Two tasks of questions beside the store's classes, and one of a kind that no search runs on; by name."""
    batch = [
        record(
            task={
                "kind": kind, "name": name,
                "dataset": {"source": "file", "name": name, "label_column": "answers"},
                "metafeatures": {
                    "extractor": "x", "version": 1, "sampled": False, "values": {"instances": 300.0 + far},
                },
            },
            pipeline={"method": method, "hyperparameters": {"max_length": 384}},
            primary={"split": "validation", "metric": "token_f1", "value": score},
            metrics={"validation": {"token_f1": score}},
        )
        for far, (kind, name) in enumerate(
            [("question-answering", "asked-0"), ("question-answering", "asked-1"), ("regression", "rated")]
        )
        for method, score in (("lora", 0.9), ("full", 0.2), ("partial", 0.1))
    ]  # fmt: skip
    results = record_experiences(batch, owner=owner.user, team=owner.team)
    assert [one.problem for one in results] == [None] * 9
    return {task.name: task for task in task_summaries(owner.user)}


def test_a_prior_of_questions_comes_from_questions_in_their_own_space(owner, store, questions):
    asked = {"task": questions["asked-0"].digest}
    moved = owner.pages.get("/searches/prior/", asked).context["page"].moved
    assert [name for _, name, _ in moved.neighbours] == ["asked-1"]
    assert set(moved.distributions["method"]) == {"full", "lora", "partial"}
    assert "384" in moved.distributions["lora.max_length"]
    told = owner.api.post("/api/v1/priors/", asked, "application/json").json()
    assert [one["name"] for one in told["neighbours"]] == ["asked-1"]
    assert told["distributions"] == moved.distributions


def test_a_kind_that_no_search_runs_on_has_no_prior(owner, store, questions):
    answer = owner.pages.get("/searches/prior/", {"task": questions["rated"].digest})
    assert answer.status_code == 422
    assert "'regression'" in answer.context["page"].problem
    offered = {task.name for task in answer.context["page"].tasks}
    assert offered == {"task-0", "task-1", "task-2", "asked-0", "asked-1"}
    told = owner.api.post("/api/v1/priors/", {"task": questions["rated"].digest}, "application/json")
    assert (told.status_code, told.json()["code"]) == (422, "no_prior")


def test_a_chosen_task_and_pasted_statistics_are_refused_together(owner, store):
    asked = {"task": store["task-0"].digest, "statistics": "instances 340"}
    answer = owner.pages.get("/searches/prior/", asked)
    assert answer.status_code == 422
    assert "empty one of them" in answer.context["page"].problem
